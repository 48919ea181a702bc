/** How much power is left. */
export interface Battery {
  /** From 0 to 1; null where nobody can say. */
  level(): number | null
  /** True while it is being charged, or where there is no battery. */
  charging(): boolean
}

interface BatteryManager {
  level: number
  charging: boolean
}

/** Where no device says otherwise, power is no reason to wait. */
const noBattery: Battery = { level: () => null, charging: () => true }

/** The browser's Battery Status API; where there is none (Node, Safari, Firefox) as if there were no battery. */
export function browserBattery(): Battery {
  const { navigator } = globalThis as { navigator?: { getBattery?(): Promise<BatteryManager> } }
  if (typeof navigator?.getBattery !== 'function') return noBattery
  let manager: BatteryManager | undefined
  navigator.getBattery().then(
    (found) => (manager = found),
    () => {},
  )
  return {
    level: () => manager?.level ?? null,
    charging: () => manager?.charging ?? true,
  }
}
