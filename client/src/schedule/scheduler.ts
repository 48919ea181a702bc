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
  /** Runs one sync, because of `mode`. Never rejects; resolves to true where it failed and a retry may succeed. */
  run: (mode?: Mode) => Promise<boolean>
}

/**
 * Starts syncs by itself. Offline, or with a nearly empty battery, no sync starts.
 *
 * | mode | what sets its timer | the timer fires | then |
 * | --- | --- | --- | --- |
 * | `auto` | an edit, which also restarts the timer | after `debounce` | sync |
 * | `realtime` | a poke, where no timer is set | after at most 20 ms | sync of mode `realtime` |
 * | `periodic` | the start, the end of a periodic sync, a change of the app's state | after the interval | sync |
 * | `on-reconnect` | none: the network comes back | | sync at once |
 * | all but `manual` | none: the start, or a sign-in | | sync at once |
 * | retry | a failed sync, where `periodic` is off and a retry may succeed | after the interval | sync |
 */
export interface Scheduler {
  /** Does nothing where the scheduler is started. */
  start(): void
  /** Does nothing where the scheduler is stopped. */
  stop(): void
  /** When the next timer fires, in milliseconds since 1970; null where no timer is set. */
  next(): number | null
  /** Changes the settings at once. */
  change(schedule: Partial<Schedule>): void
}

/** Shares of a full battery. */
const LOW_BATTERY = 0.3
const NEARLY_EMPTY = 0.15

/** Pokes often come in bursts: a sync follows the first one, then one sync in this many milliseconds at most. */
const POKE_INTERVAL = 20

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, network, battery, appState, pokes, onEdit, onSignIn, run } = options
  let { modes, debounce, intervals }: Schedule = options
  const timers = createTimers(clock)
  /** Set while the scheduler is started. */
  let unsubscribes: (() => void)[] | undefined
  /** When the last periodic sync ended; before the first one, when the scheduler was started. */
  let lastPeriodicEnd = 0
  /** When the last sync began that a poke caused. */
  let lastPokeSync = -Infinity

  function currentInterval(): number {
    if (isBatteryBelow(battery, LOW_BATTERY)) return intervals.lowBattery
    return appState.active() ? intervals.active : intervals.background
  }

  async function runIfAllowed(mode?: Mode): Promise<void> {
    if (!network.online() || isBatteryBelow(battery, NEARLY_EMPTY)) return
    const retry = await run(mode)
    // In mode `periodic` the next periodic sync is the retry.
    if (retry && unsubscribes && !modes.includes('periodic'))
      timers.set('retry', currentInterval(), () => void runIfAllowed())
  }

  /** Sets the timer of the next periodic sync, counted from the end of the last one. */
  function setPeriodicTimer(): void {
    const ms = Math.max(0, lastPeriodicEnd + currentInterval() - clock.now())
    timers.set('periodic', ms, () => void runPeriodic())
  }

  async function runPeriodic(): Promise<void> {
    await runIfAllowed()
    lastPeriodicEnd = clock.now()
    if (unsubscribes && modes.includes('periodic')) setPeriodicTimer()
  }

  function onPoke(): void {
    if (timers.has('realtime')) return
    const ms = lastPokeSync + POKE_INTERVAL - clock.now()
    timers.set('realtime', Math.min(POKE_INTERVAL, Math.max(0, ms)), () => {
      lastPokeSync = clock.now()
      void runIfAllowed('realtime')
    })
  }

  function start(): void {
    if (unsubscribes) return
    unsubscribes = []
    const has = (mode: Mode): boolean => modes.includes(mode)
    const runNow = (): void => void runIfAllowed()
    if (has('auto')) unsubscribes.push(onEdit(() => timers.set('auto', debounce, runNow)))
    if (has('on-reconnect')) unsubscribes.push(network.watch((online) => void (online && runNow())))
    if (has('realtime')) unsubscribes.push(pokes.watch(onPoke))
    if (has('periodic')) {
      // The interval of an active app is shorter than that of one in the background.
      unsubscribes.push(appState.watch(() => void (timers.has('periodic') && setPeriodicTimer())))
      lastPeriodicEnd = clock.now()
      setPeriodicTimer()
    }
    if (modes.some((mode) => mode !== 'manual')) {
      unsubscribes.push(onSignIn(runNow))
      runNow()
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
    next: timers.next,
    change(schedule) {
      ;({ modes, debounce, intervals } = { modes, debounce, intervals, ...schedule })
      if (!unsubscribes) return
      stop()
      start()
    },
  }
}

/** Whether the battery is not charging and holds less than this share. */
const isBatteryBelow = (battery: Battery, share: number): boolean =>
  !battery.charging() && (battery.level() ?? 1) < share

/** Timers by name. */
interface Timers {
  /** Calls `fn` after `ms` milliseconds, in place of an earlier timer of that name. */
  set(name: Mode | 'retry', ms: number, fn: () => void): void
  has(name: Mode | 'retry'): boolean
  /** When the next timer fires, in milliseconds since 1970; null where no timer is set. */
  next(): number | null
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
