/**
 * When a sync runs by itself. `manual`: never. `auto`: soon after an edit. `periodic`: again and again.
 * `on-reconnect`: when the network comes back. `realtime`: when the server says that there is news.
 * Each but `manual` also begins with one, and runs one when somebody signs in.
 */
export type Mode = 'manual' | 'auto' | 'periodic' | 'on-reconnect' | 'realtime'

/** Milliseconds from the end of one run to the next (`periodic`). */
export interface Intervals {
  /** While somebody looks at the app. Default 30,000. */
  active: number
  /** While nobody does. Default 5 minutes. */
  background: number
  /** Under 30 % of battery and not charging. Default 15 minutes. */
  lowBattery: number
}

export const defaultIntervals: Intervals = {
  active: 30_000,
  background: 5 * 60_000,
  lowBattery: 15 * 60_000,
}

/** One number is the pause while somebody looks at the app, and the least otherwise. */
export function intervalsOf(interval: number | Partial<Intervals> = {}): Intervals {
  if (typeof interval !== 'number') return { ...defaultIntervals, ...interval }
  const { background, lowBattery } = defaultIntervals
  return {
    active: interval,
    background: Math.max(background, interval),
    lowBattery: Math.max(lowBattery, interval),
  }
}

/** When syncs run by themselves, as the app asks for it. */
export interface Plan {
  modes: readonly Mode[]
  /** Milliseconds of quiet after an edit (`auto`). */
  debounce: number
  /** Pause between runs (`periodic`). */
  interval: number | Partial<Intervals> | undefined
}
