/**
 * When syncs start by themselves. `manual`: never. `auto`: soon after an edit. `periodic`: at an interval.
 * `on-reconnect`: when the network comes back. `realtime`: when the server sends a poke. Every mode but `manual`
 * also syncs once at the start and when a user signs in.
 */
export type Mode = 'manual' | 'auto' | 'periodic' | 'on-reconnect' | 'realtime'

/** Milliseconds from the end of one run to the next (`periodic`). */
export interface Intervals {
  /** While the app is active (visible). Default 30,000. */
  active: number
  /** While the app is in the background. Default 5 minutes. */
  background: number
  /** While the battery is below 30 % and not charging. Default 15 minutes. */
  lowBattery: number
}

export const defaultIntervals: Intervals = {
  active: 30_000,
  background: 5 * 60_000,
  lowBattery: 15 * 60_000,
}

/** All intervals. A single number is the interval of an active app, and the minimum of the others. */
export function intervalsOf(interval: number | Partial<Intervals> = {}): Intervals {
  if (typeof interval !== 'number') return { ...defaultIntervals, ...interval }
  const { background, lowBattery } = defaultIntervals
  return {
    active: interval,
    background: Math.max(background, interval),
    lowBattery: Math.max(lowBattery, interval),
  }
}

/** The app's settings for syncs that start by themselves. */
export interface Plan {
  modes: readonly Mode[]
  /** Milliseconds without another edit before a sync starts (`auto`). */
  debounce: number
  /** Milliseconds between runs (`periodic`). */
  interval: number | Partial<Intervals> | undefined
}
