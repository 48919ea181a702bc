import { cursorOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { classify } from '../model/errors.ts'
import type { SyncEvents } from '../model/events.ts'
import type { RunOptions } from '../model/report.ts'
import { intervalsOf, type Plan } from '../model/schedule.ts'
import { browserAppState } from '../platform/app-state.ts'
import { browserBattery } from '../platform/battery.ts'
import type { Runs } from '../sync/run.ts'
import type { Settings } from '../sync/settings.ts'
import { connectionPokes } from '../transport/realtime.ts'
import type { Emitter } from '../util/emitter.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'

/** Syncs that start by themselves. */
export interface Schedule extends Pick<Scheduler, 'start' | 'stop' | 'nextSyncAt'> {
  /** Changes the plan. Takes effect at once, with a sync. */
  change(changes: Partial<Plan>): void
}

export interface ScheduleDeps {
  settings: Settings
  store: Store
  runs: Pick<Runs, 'state'>
  events: Emitter<SyncEvents>
  /** Runs a sync: push and pull, or one of them, as the app's `direction` says. */
  sync(options: RunOptions): Promise<unknown>
  /** Aborts when the sync is closed. */
  closing: AbortSignal
}

/** Errors after which no sync starts by itself: the user or the developer has to act first. */
const FINAL_ERROR_CODES = new Set(['upgrade_required', 'device_revoked', 'device_of_another_user'])

/** Creates a scheduler for the app's plan, and connects it to edits, the network, sign-ins and pokes. */
export function createSchedule(deps: ScheduleDeps): Schedule {
  const { settings, store, runs, events, sync, closing } = deps
  const { account, connection, tables } = settings
  let { plan } = settings
  const readScopes = async () => (await store.read(cursorOf)).scopes ?? []
  const pokes = settings.pokes ?? connectionPokes(connection, readScopes)
  let started = false
  // A sync may have joined scopes, whose pokes are to be heard too.
  events.on('sync_completed', () => {
    if (started) pokes.refresh?.()
  })

  const realtimeTables = new Set(
    [...tables.values()].filter(({ realtime }) => realtime !== false).map(({ name }) => name),
  )

  /**
   * Calls `fn` at each sign-in after the first report of the account, also of the same user after a sign-out. Returns
   * an unsubscribe function.
   */
  function onSignIn(fn: () => void): () => void {
    let last: string | null | undefined
    return account.watch((user) => {
      const isNew = last !== undefined && user !== null && user !== last
      last = user
      if (isNew) fn()
    })
  }

  /**
   * Runs a sync: after a poke, of the realtime tables that are not skipped; otherwise of all tables. Runs none after a
   * final error, without a user, or after a poke if no table is a realtime table. Resolves to `retry` if the sync
   * failed and a retry may succeed; the event `sync_error` reports the failure.
   */
  async function runUnlessBlocked(cause?: 'realtime'): Promise<'done' | 'retry'> {
    const { lastError } = runs.state()
    if (lastError && FINAL_ERROR_CODES.has(lastError.code)) return 'done'
    try {
      if ((await account.user()) === null) return 'done'
      if (cause !== 'realtime' || realtimeTables.size === tables.size) await sync({})
      else if (realtimeTables.size > 0)
        await sync({ tables: settings.unskipped().filter((name) => realtimeTables.has(name)) })
      return 'done'
    } catch (error) {
      return classify(error).retryable ? 'retry' : 'done'
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
    // Edits of another tab are that tab's to sync.
    onEdit: (fn) =>
      store.onCommit(({ origin, rows, fromOtherTab }) => {
        if (origin === 'local' && !fromOtherTab && rows.size > 0) fn()
      }),
    onSignIn,
    runSync: runUnlessBlocked,
  })

  return {
    start() {
      // The app may close the sync while `ready()` still opens it; `ready()` then ends here.
      if (closing.aborted) return
      started = true
      scheduler.start()
    },
    stop() {
      started = false
      scheduler.stop()
    },
    nextSyncAt: scheduler.nextSyncAt,
    change(changes) {
      plan = { ...plan, ...changes }
      const { modes, debounce, interval } = plan
      scheduler.change({ modes, debounce, intervals: intervalsOf(interval) })
    },
  }
}
