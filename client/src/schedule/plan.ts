import { part } from '../util/part.ts'
import type { Intervals, Mode, Scheduler } from './scheduler.ts'

/** When syncs run by themselves, as the app asks for it. */
export interface Plan {
  modes: readonly Mode[]
  /** Milliseconds of quiet after an edit (`auto`). */
  debounce: number
  /** Pause between runs (`periodic`). */
  interval: number | Partial<Intervals> | undefined
}

/** A scheduler that follows a plan. */
export interface Planned extends Omit<Scheduler, 'change'> {
  /** Takes effect at once. */
  change(plan: Plan): void
}

export interface Schedule extends Pick<Planned, 'stop' | 'next'> {
  /** Never rejects. Where the scheduler cannot be loaded `onError` is told. */
  start(): Promise<void>
  change(changes: Partial<Plan>): void
  /** Tries again to load what could not be loaded. */
  again(): void
}

/** A scheduler that is loaded when there is anything to do for it: with mode `manual` alone there is not. */
export function createSchedule(
  plan: Plan,
  load: () => Promise<Planned>,
  onError: (error: unknown) => void,
  /** Aborts when the sync is closed. */
  closing: AbortSignal,
): Schedule {
  let started = false
  let made: Planned | undefined
  let loading: Promise<Planned> | undefined

  async function start(): Promise<void> {
    // Whoever was still getting ready goes on to here, and nobody would stop what begins now.
    if (closing.aborted) return
    started = true
    if (made) return made.start()
    if (plan.modes.every((mode) => mode === 'manual')) return
    try {
      made = await (loading ??= part(load()))
      made.change(plan)
      if (started) made.start()
    } catch (error) {
      loading = undefined
      onError(error)
    }
  }

  return {
    start,
    stop() {
      started = false
      made?.stop()
    },
    next: () => made?.next() ?? null,
    change(changes) {
      plan = { ...plan, ...changes }
      made?.change(plan)
      if (started) void start()
    },
    again() {
      if (started) void start()
    },
  }
}
