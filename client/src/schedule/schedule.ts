import { cursorOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { classify } from '../model/errors.ts'
import type { SyncEvents } from '../model/events.ts'
import type { RunOptions } from '../model/report.ts'
import { intervalsOf, type Mode, type Plan } from '../model/schedule.ts'
import { browserAppState } from '../platform/app-state.ts'
import { browserBattery } from '../platform/battery.ts'
import type { Runs } from '../sync/run.ts'
import type { Settings } from '../sync/settings.ts'
import { connectionPokes } from '../transport/realtime.ts'
import type { Emitter } from '../util/emitter.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'

/** Syncs that start by themselves. */
export interface Schedule extends Pick<Scheduler, 'start' | 'stop' | 'next'> {
  /** Changes the plan at once. */
  change(changes: Partial<Plan>): void
}

export interface ScheduleDeps {
  settings: Settings
  store: Store
  runs: Pick<Runs, 'state'>
  events: Emitter<SyncEvents>
  /** Runs a sync in the direction that the app has chosen. */
  sync(options: RunOptions): Promise<unknown>
  /** Aborts when the sync is closed. */
  closing: AbortSignal
}

/** Errors after which no sync starts by itself: the user or the developer has to act first. */
const FINAL_ERRORS = new Set(['upgrade_required', 'device_revoked', 'device_of_another_user'])

/** Connects the scheduler to edits, sign-ins and pokes, and to the runs that it starts. */
export function createSchedule(deps: ScheduleDeps): Schedule {
  const { settings, store, runs, events, sync, closing } = deps
  const { account, connection, tables } = settings
  let { plan } = settings
  const scopes = async () => (await store.read(cursorOf)).scopes ?? []
  const pokes = settings.pokes ?? connectionPokes(connection, scopes)
  let started = false
  events.on('sync_completed', () => {
    if (started) pokes.refresh?.()
  })

  const realtimeTables = new Set(
    [...tables.values()].filter(({ realtime }) => realtime !== false).map(({ name }) => name),
  )

  /** Calls `fn` when another user signs in than before; not for the user who is already signed in. */
  function onSignIn(fn: () => void): () => void {
    let last: string | null | undefined
    return account.watch((user) => {
      const isNew = last !== undefined && user !== null && user !== last
      last = user
      if (isNew) fn()
    })
  }

  /** Runs a sync. The event `sync_error` reports its failure; resolves to true where a retry makes sense. */
  async function runScheduled(mode?: Mode): Promise<boolean> {
    const { lastError } = runs.state()
    if (lastError && FINAL_ERRORS.has(lastError.code)) return false
    try {
      if ((await account.user()) === null) return false
      if (mode !== 'realtime' || realtimeTables.size === tables.size) await sync({})
      else if (realtimeTables.size > 0)
        await sync({ tables: settings.unskipped().filter((name) => realtimeTables.has(name)) })
      return false
    } catch (error) {
      return classify(error).retryable
    }
  }

  const scheduler = createScheduler({
    ...settings,
    modes: plan.modes,
    debounce: plan.debounce,
    intervals: intervalsOf(plan.interval),
    battery: settings.battery ?? browserBattery(),
    appState: settings.appState ?? browserAppState,
    pokes,
    onEdit: (fn) =>
      store.onCommit(({ origin, rows, fromOtherTab }) => {
        if (origin === 'local' && !fromOtherTab && rows.size > 0) fn()
      }),
    onSignIn,
    run: runScheduled,
  })

  return {
    start() {
      // `ready()` calls this also where the sync was closed meanwhile.
      if (closing.aborted) return
      started = true
      scheduler.start()
    },
    stop() {
      started = false
      scheduler.stop()
    },
    next: scheduler.next,
    change(changes) {
      plan = { ...plan, ...changes }
      const { modes, debounce, interval } = plan
      scheduler.change({ modes, debounce, intervals: intervalsOf(interval) })
    },
  }
}
