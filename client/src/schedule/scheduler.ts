import type { Intervals, Mode } from '../model/schedule.ts'
import type { AppState } from '../platform/app-state.ts'
import type { Battery } from '../platform/battery.ts'
import type { Network } from '../platform/network.ts'
import type { Pokes } from '../transport/pokes.ts'
import type { Clock } from '../util/clock.ts'

/** What can be changed while it runs. */
export interface Schedule {
  modes: readonly Mode[]
  /** Milliseconds of quiet after an edit (`auto`). */
  debounce: number
  intervals: Intervals
}

export interface SchedulerOptions extends Schedule {
  clock: Clock
  network: Network
  battery: Battery
  appState: AppState
  pokes: Pokes
  /** Calls its argument after every edit of the app. Returns what ends that. */
  onEdit: (fn: () => void) => () => void
  /** Calls its argument when somebody signs in. Returns what ends that. */
  onSignIn: (fn: () => void) => () => void
  /**
   * One sync, because of `mode`. Never rejects; resolves to true where it failed in a way that time may heal.
   */
  run: (mode?: Mode) => Promise<boolean>
}

/** Starts syncs while started; there is no harm in starting or stopping twice. */
export interface Scheduler {
  start(): void
  stop(): void
  /** When the next run is due, in milliseconds since 1970; null where none is. */
  next(): number | null
  /** Takes effect at once. */
  change(schedule: Partial<Schedule>): void
}

/** Shares of a full battery. */
const LOW = 0.3
const NEARLY_EMPTY = 0.15

/** News often comes in bursts: a run at the first, and then one every so many milliseconds at most. */
const BURST = 20

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, network, battery, appState, pokes, onEdit, onSignIn, run } = options
  let { modes, debounce, intervals }: Schedule = options
  const timers = new Map<Mode | 'retry', { cancel: () => void; due: number }>()
  let ends: (() => void)[] | undefined
  /** When the last periodic run ended, or would have. */
  let ended = 0
  /** When the last run began that a poke asked for. */
  let poked = -Infinity

  const below = (share: number): boolean => !battery.charging() && (battery.level() ?? 1) < share
  const allowed = (): boolean => network.online() && !below(NEARLY_EMPTY)
  const interval = (): number =>
    below(LOW) ? intervals.lowBattery : appState.active() ? intervals.active : intervals.background

  function plan(name: Mode | 'retry', ms: number, then: () => void): void {
    timers.get(name)?.cancel()
    const cancel = clock.after(ms, () => {
      timers.delete(name)
      then()
    })
    timers.set(name, { cancel, due: clock.now() + ms })
  }

  async function go(mode?: Mode): Promise<void> {
    if (!allowed()) return
    const again = await run(mode)
    // Where a periodic run follows anyway, it is the retry.
    if (again && ends && !modes.includes('periodic')) plan('retry', interval(), () => void go())
  }

  /** The next periodic run, counted from the end of the last one. */
  function repeat(): void {
    plan('periodic', Math.max(0, ended + interval() - clock.now()), () => void goOn())
  }

  async function goOn(): Promise<void> {
    await go()
    ended = clock.now()
    if (ends && modes.includes('periodic')) repeat()
  }

  function start(): void {
    if (ends) return
    ends = []
    const has = (mode: Mode): boolean => modes.includes(mode)
    const now = (): void => void go()
    if (has('auto')) ends.push(onEdit(() => plan('auto', debounce, now)))
    if (has('on-reconnect')) ends.push(network.watch((online) => void (online && now())))
    if (has('realtime'))
      ends.push(
        pokes.watch(() => {
          if (timers.has('realtime')) return
          const rest = poked + BURST - clock.now()
          plan('realtime', Math.min(BURST, Math.max(0, rest)), () => {
            poked = clock.now()
            void go('realtime')
          })
        }),
      )
    if (has('periodic')) {
      // Whoever comes back to the app does not wait as long as the background would have.
      ends.push(appState.watch(() => void (timers.has('periodic') && repeat())))
      ended = clock.now()
      repeat()
    }
    if (modes.some((mode) => mode !== 'manual')) {
      ends.push(onSignIn(now))
      // What waited when the app was closed, and what became of its rows since.
      now()
    }
  }

  function stop(): void {
    for (const end of ends ?? []) end()
    ends = undefined
    for (const { cancel } of timers.values()) cancel()
    timers.clear()
  }

  return {
    start,
    stop,
    next() {
      const due = [...timers.values()].map((timer) => timer.due)
      return due.length > 0 ? Math.min(...due) : null
    },
    change(schedule) {
      ;({ modes, debounce, intervals } = { modes, debounce, intervals, ...schedule })
      if (!ends) return
      stop()
      start()
    },
  }
}
