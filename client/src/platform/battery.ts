/** The state of the battery. */
export interface Battery {
  /** From 0 to 1; null where it is not known. */
  level(): number | null
  /** True while the battery is charging, or where there is none. */
  charging(): boolean
}

interface BatteryManager {
  level: number
  charging: boolean
}

/** A device without a battery. */
const noBattery: Battery = { level: () => null, charging: () => true }

/** The Battery Status API of the browser; without it (Node, Safari, Firefox) a device without a battery. */
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
