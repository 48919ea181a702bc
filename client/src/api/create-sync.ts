import { countUnsent } from '../database/account-switch.ts'
import { withNewDeviceId } from '../database/batch.ts'
import { deviceOf } from '../database/meta.ts'
import type { SyncStatus } from '../model/status.ts'
import { createSchedule } from '../schedule/schedule.ts'
import { subscribeCallbacks } from './callbacks.ts'
import { createConflicts } from './conflicts/conflicts.ts'
import { createCore } from './core.ts'
import { createDamaged } from './damaged.ts'
import { createDevices } from './devices.ts'
import { healthOf } from './health.ts'
import { withInternals } from './internals.ts'
import type { SyncOptions } from './options.ts'
import { createProvider } from './provider.ts'
import { createQueue } from './queue.ts'
import { signOut } from './sign-out.ts'
import { statsOf } from './stats.ts'
import { createTables } from './table.ts'
import type { Sync, TableName, TableOf } from './types.ts'
import { verifyBetweenRuns } from './verify.ts'
import { waitForSync } from './wait-for-sync.ts'

/**
 * Syncs tables of a Supabase project with this device, offline first.
 *
 * ```ts
 * const sync = createSync<Database>({ supabase, storage: indexedDbStorage('app'), tables: ['contacts'] })
 * await sync.table('contacts').insert({ name: 'Ada' })
 * await sync.sync()
 * ```
 */
export function createSync<DB = unknown>(options: SyncOptions<TableName<DB>>): Sync<DB> {
  const core = createCore(options, () => emitStatus())
  const { settings, store, appStore, session, events, runs, call, syncMethod } = core
  const { clock, keys, newId, network } = settings
  let { direction = 'both' } = options

  const syncBothWays = syncMethod('sync', 'sync')
  const push = syncMethod('push', 'push')
  const pull = syncMethod('pull', 'pull')
  const syncAsDirected: typeof syncBothWays = (runOptions) =>
    (direction === 'both' ? syncBothWays : direction === 'push-only' ? push : pull)(runOptions)

  const status = (): SyncStatus => ({
    ...runs.state(),
    online: network.online(),
    ...store.counts(),
    nextSync: schedule.nextSyncAt(),
  })
  const emitStatus = (): void => events.emit('status', status())

  store.onCommit(({ origin, rows }) => {
    for (const [table, changed] of rows)
      events.emit('change', { table, ids: [...changed.keys()], origin })
    emitStatus()
  })
  const unwatch = network.watch((online) => {
    events.emit(online ? 'online' : 'offline', { at: clock.now() })
    emitStatus()
  })
  subscribeCallbacks(events.on, options)

  const schedule = createSchedule({
    settings,
    store,
    runs,
    events,
    sync: syncAsDirected,
    closing: core.closing.signal,
  })
  const tables = createTables(core)
  const queue = createQueue(appStore, clock, events)
  const provider = createProvider({ core, lastError: () => runs.state().lastError })

  const sync: Sync<DB> = {
    async ready() {
      await store.open()
      await session.ensureOwnerAtStart()
      schedule.start()
    },
    table<Name extends TableName<DB>>(name: Name) {
      core.assertKnownTable(name)
      return tables.get(name) as unknown as TableOf<DB, Name>
    },
    sync: syncAsDirected,
    push,
    pull,
    seed: syncMethod('seed', 'push'),
    hydrate: syncMethod('hydrate', 'pull'),
    async forceSyncAll(runOptions = {}) {
      await appStore.read(countUnsent)
      await queue.retryFailed()
      const report = await syncBothWays({ ...runOptions })
      await verifyBetweenRuns(core)
      return report
    },
    waitForSync: (waitOptions = {}) =>
      waitForSync(
        {
          ...settings,
          sync: (signal) => syncBothWays({ signal }),
          onRejected: (fn) => events.on('rejected', fn),
        },
        waitOptions,
      ),
    async signOut(signOutOptions = {}) {
      const signedOut = await signOut(
        store,
        signOutOptions,
        newId,
        async () => (await push()).pushed,
      )
      session.forgetOwner()
      return signedOut
    },
    renewDevice: () =>
      runs.exclusive('renew device', async () => {
        await store.write('local', async ({ tx }) =>
          tx.putMany('meta', [withNewDeviceId(await deviceOf(tx), newId)]),
        )
        runs.clearLastError()
      }),
    configure({ mode, direction: next = direction, ...changes }) {
      direction = next
      schedule.change({ ...changes, ...(mode !== undefined && { modes: [mode].flat() }) })
    },
    start: schedule.start,
    stop: schedule.stop,
    on: events.on,
    queue,
    damaged: createDamaged(appStore),
    conflicts: createConflicts({ store: appStore, clock, keys, call, tables, events }),
    devices: createDevices(appStore, call, options.device),
    provider,
    status,
    stats: () => statsOf(appStore, status()),
    health: () => healthOf({ store, provider, status }),
    async close() {
      schedule.stop()
      session.close()
      unwatch()
      core.closing.abort()
      await runs.end()
      await store.close()
    },
  }
  return withInternals(sync, { core, syncBothWays })
}
