import { browserAppState } from '../platform/app-state.ts'
import { browserBattery } from '../platform/battery.ts'
import { classify } from '../model/errors.ts'
import type { Emitter, SyncEvents } from '../model/events.ts'
import { cursorOf } from '../database/meta.ts'
import type { Settings } from '../api/options.ts'
import { connectionPokes } from '../transport/realtime.ts'
import type { Runs } from '../sync/run.ts'
import type { Planned } from './plan.ts'
import { createScheduler, intervalsOf, type Mode } from './scheduler.ts'
import type { Store } from '../database/store.ts'
import type { RunOptions } from '../api/types.ts'

export interface SchedulingDeps {
  settings: Settings
  store: Store
  runs: Runs
  events: Emitter<SyncEvents>
  /** One run as `direction` says. */
  sync(options: RunOptions): Promise<unknown>
}

/** Refusals after which nothing runs by itself any more: somebody has to do something first. */
const FINAL = new Set(['upgrade_required', 'device_revoked', 'device_of_another_user'])

/** The scheduler, and what it listens to: edits, the network, sign-ins and news from the server. */
export function createScheduling({ settings, store, runs, events, sync }: SchedulingDeps): Planned {
  const { account, connection, options, plan } = settings
  const pokes =
    options.pokes ??
    connectionPokes(connection, async () => (await store.read(cursorOf)).scopes ?? [])
  events.on('sync_completed', () => pokes.refresh?.())

  /** Tables that the syncs of mode `realtime` cover. */
  const live = new Set(
    [...settings.tables.values()]
      .filter(({ realtime }) => realtime !== false)
      .map(({ name }) => name),
  )

  /** Not for the user who is there when it is asked for. */
  function onSignIn(fn: () => void): () => void {
    let last: string | null | undefined
    return account.watch((user) => {
      const isNew = last !== undefined && user !== null && user !== last
      last = user
      if (isNew) fn()
    })
  }

  /** A run that nobody asked for. Whoever wants to know of its failures listens to `sync_error`. */
  async function run(mode?: Mode): Promise<boolean> {
    const { lastError } = runs.state()
    if (lastError && FINAL.has(lastError.code)) return false
    try {
      if ((await account.user()) === null) return false
      if (mode !== 'realtime' || live.size === settings.tables.size) await sync({})
      else if (live.size > 0)
        await sync({ tables: settings.unskipped().filter((name) => live.has(name)) })
      return false
    } catch (error) {
      return classify(error).retryable
    }
  }

  const scheduler = createScheduler({
    ...settings,
    ...plan,
    intervals: intervalsOf(plan.interval),
    battery: options.battery ?? browserBattery(),
    appState: options.appState ?? browserAppState,
    pokes,
    onEdit: (fn) =>
      store.onCommit(
        ({ origin, rows, elsewhere }) =>
          void (origin === 'local' && !elsewhere && rows.size && fn()),
      ),
    onSignIn,
    run,
  })
  return {
    ...scheduler,
    change: ({ interval, ...plan }) =>
      scheduler.change({ ...plan, intervals: intervalsOf(interval) }),
  }
}
