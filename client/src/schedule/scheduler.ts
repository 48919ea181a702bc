import type { Intervals, Mode } from '../model/schedule.ts'
import type { AppState } from '../platform/app-state.ts'
import type { Battery } from '../platform/battery.ts'
import type { Network } from '../platform/network.ts'
import type { Pokes } from '../transport/pokes.ts'
import type { Clock } from '../util/clock.ts'

/** The settings that can be changed while the scheduler is started. */
export interface Schedule {
  modes: readonly Mode[]
  /** Milliseconds without another edit before a sync starts (`auto`). */
  debounce: number
  intervals: Intervals
}

export interface SchedulerOptions extends Schedule {
  clock: Clock
  network: Network
  battery: Battery
  appState: AppState
  pokes: Pokes
  /** Calls its argument after every edit of the app. Returns an unsubscribe function. */
  onEdit: (fn: () => void) => () => void
  /** Calls its argument when a user signs in. Returns an unsubscribe function. */
  onSignIn: (fn: () => void) => () => void
  /**
   * Runs one sync: of the tables of mode `realtime` if a poke caused it, of all tables otherwise. Never rejects;
   * resolves to `retry` if the sync failed and a retry may succeed.
   */
  runSync: (cause?: 'realtime') => Promise<'done' | 'retry'>
}

/**
 * The scheduler starts syncs by itself, unless the device is offline or its battery is nearly empty and not charging.
 *
 * | mode | what sets its timer | the timer fires | then |
 * | --- | --- | --- | --- |
 * | `auto` | an edit, which also restarts the timer | after `debounce` | sync |
 * | `realtime` | a poke, if the timer of pokes is not set | after at most 20 ms | sync of the realtime tables |
 * | `periodic` | the start, the end of a periodic sync, a change of the app's state | after the interval | sync |
 * | `on-reconnect` | none: the network comes back | | sync at once |
 * | all but `manual` | none: the start, or a sign-in | | sync at once |
 * | retry | a failed sync, where `periodic` is off and a retry may succeed | after the interval | sync |
 */
export interface Scheduler {
  /** Subscribes to what the modes need, and starts a sync at once. Does nothing if the scheduler is started. */
  start(): void
  /** Ends the subscriptions and cancels the timers. A sync that is running goes on. */
  stop(): void
  /** When the next timer fires, in milliseconds since 1970; null if no timer is set. */
  nextSyncAt(): number | null
  /** Changes the settings. A scheduler that is started starts anew, with a sync. */
  change(schedule: Partial<Schedule>): void
}

/** Shares of a full battery. */
const LOW_BATTERY = 0.3
const NEARLY_EMPTY = 0.15

/** Pokes often come in bursts: a sync follows the first one, then one sync in this many milliseconds at most. */
const POKE_INTERVAL = 20

/** Creates a scheduler that is not started. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, network, battery, appState, pokes, onEdit, onSignIn, runSync } = options
  let { modes, debounce, intervals }: Schedule = options
  const timers = createTimers(clock)
  /** Set while the scheduler is started. */
  let unsubscribes: (() => void)[] | undefined
  /** When `runPeriodic` last ended, with or without a sync; before that, when the scheduler was started. */
  let lastPeriodicEnd = 0
  /** When the last sync that a poke caused began. */
  let lastPokeSyncStart = -Infinity

  /** Milliseconds between periodic syncs, and before a retry. */
  function currentInterval(): number {
    if (isLowAndDischarging(battery, LOW_BATTERY)) return intervals.lowBattery
    return appState.active() ? intervals.active : intervals.background
  }

  /** Syncs, unless offline or nearly out of battery; after a failure that a retry may mend, sets the timer for it. */
  async function syncOrRetryLater(cause?: 'realtime'): Promise<void> {
    if (!network.online() || isLowAndDischarging(battery, NEARLY_EMPTY)) return
    const result = await runSync(cause)
    // In mode `periodic` the next periodic sync is the retry.
    if (result === 'retry' && unsubscribes && !modes.includes('periodic'))
      timers.set('retry', currentInterval(), () => void syncOrRetryLater())
  }

  /** Sets the timer of the next periodic sync, counted from the end of the last one. */
  function setPeriodicTimer(): void {
    const ms = Math.max(0, lastPeriodicEnd + currentInterval() - clock.now())
    timers.set('periodic', ms, () => void runPeriodic())
  }

  async function runPeriodic(): Promise<void> {
    await syncOrRetryLater()
    lastPeriodicEnd = clock.now()
    if (unsubscribes && modes.includes('periodic')) setPeriodicTimer()
  }

  /** Sets the timer of the sync that follows a poke. */
  function handlePoke(): void {
    if (timers.has('realtime')) return
    const ms = lastPokeSyncStart + POKE_INTERVAL - clock.now()
    timers.set('realtime', Math.min(POKE_INTERVAL, Math.max(0, ms)), () => {
      lastPokeSyncStart = clock.now()
      void syncOrRetryLater('realtime')
    })
  }

  function start(): void {
    if (unsubscribes) return
    unsubscribes = []
    const isModeOn = (mode: Mode): boolean => modes.includes(mode)
    const syncNow = (): void => void syncOrRetryLater()
    if (isModeOn('auto')) unsubscribes.push(onEdit(() => timers.set('auto', debounce, syncNow)))
    if (isModeOn('on-reconnect'))
      unsubscribes.push(network.watch((online) => void (online && syncNow())))
    if (isModeOn('realtime')) unsubscribes.push(pokes.watch(handlePoke))
    if (isModeOn('periodic')) {
      // An app that becomes active does not wait for the end of a background interval.
      unsubscribes.push(appState.watch(() => void (timers.has('periodic') && setPeriodicTimer())))
      lastPeriodicEnd = clock.now()
      setPeriodicTimer()
    }
    if (modes.some((mode) => mode !== 'manual')) {
      unsubscribes.push(onSignIn(syncNow))
      syncNow()
    }
  }

  function stop(): void {
    for (const unsubscribe of unsubscribes ?? []) unsubscribe()
    unsubscribes = undefined
    timers.clear()
  }

  return {
    start,
    stop,
    nextSyncAt: timers.next,
    change(schedule) {
      ;({ modes, debounce, intervals } = { modes, debounce, intervals, ...schedule })
      if (!unsubscribes) return
      stop()
      start()
    },
  }
}

/** Whether the battery is not charging and holds less than this share. An unknown level counts as full. */
const isLowAndDischarging = (battery: Battery, share: number): boolean =>
  !battery.charging() && (battery.level() ?? 1) < share

/** Timers by name. */
interface Timers {
  /** Calls `fn` after `ms` milliseconds, in place of an earlier timer of that name. */
  set(name: Mode | 'retry', ms: number, fn: () => void): void
  has(name: Mode | 'retry'): boolean
  /** When the next timer fires, in milliseconds since 1970; null if no timer is set. */
  next(): number | null
  /** Cancels all timers. */
  clear(): void
}

function createTimers(clock: Clock): Timers {
  const timers = new Map<Mode | 'retry', { cancel: () => void; due: number }>()
  return {
    set(name, ms, fn) {
      timers.get(name)?.cancel()
      const cancel = clock.after(ms, () => {
        timers.delete(name)
        fn()
      })
      timers.set(name, { cancel, due: clock.now() + ms })
    },
    has: (name) => timers.has(name),
    next() {
      const due = [...timers.values()].map((timer) => timer.due)
      return due.length > 0 ? Math.min(...due) : null
    },
    clear() {
      for (const { cancel } of timers.values()) cancel()
      timers.clear()
    },
  }
}
