import type { Clock } from './clock.ts'
import type { Network } from './network.ts'

/**
 * When a sync runs by itself. `manual`: never. `auto`: soon after an edit. `periodic`: again and again.
 * `on-reconnect`: when the network comes back.
 */
export type Mode = 'manual' | 'auto' | 'periodic' | 'on-reconnect'

export interface SchedulerOptions {
  modes: readonly Mode[]
  /** Milliseconds of quiet after an edit (`auto`). */
  debounce: number
  /** Milliseconds from the end of one run to the next (`periodic`). */
  interval: number
  clock: Clock
  network: Network
  /** Calls its argument after every edit of the app. Returns what ends that. */
  onEdit: (fn: () => void) => () => void
  /** One sync. Never rejects. */
  run: () => Promise<void>
}

/** Starts syncs while started; there is no harm in starting or stopping twice. */
export interface Scheduler {
  start(): void
  stop(): void
  /** When the next run is due, in milliseconds since 1970; null where none is. */
  next(): number | null
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { modes, debounce, interval, clock, network, onEdit, run } = options
  const timers = new Map<Mode, { cancel: () => void; due: number }>()
  let ends: (() => void)[] | undefined

  function plan(mode: Mode, ms: number, then: () => void): void {
    timers.get(mode)?.cancel()
    const cancel = clock.after(ms, () => {
      timers.delete(mode)
      then()
    })
    timers.set(mode, { cancel, due: clock.now() + ms })
  }

  function go(): void {
    if (network.online()) void run()
  }

  function repeat(): void {
    plan('periodic', interval, () => {
      const ran = network.online() ? run() : Promise.resolve()
      void ran.then(() => ends && repeat())
    })
  }

  return {
    start() {
      if (ends) return
      ends = []
      if (modes.includes('auto')) ends.push(onEdit(() => plan('auto', debounce, go)))
      if (modes.includes('on-reconnect'))
        ends.push(network.watch((online) => void (online && go())))
      if (modes.includes('periodic')) repeat()
    },
    stop() {
      for (const end of ends ?? []) end()
      ends = undefined
      for (const { cancel } of timers.values()) cancel()
      timers.clear()
    },
    next() {
      const due = [...timers.values()].map((timer) => timer.due)
      return due.length > 0 ? Math.min(...due) : null
    },
  }
}
