import { classify, ValidationError } from '../model/errors.ts'
import { createEmitter, type SyncEvents } from '../model/events.ts'
import { createLimit } from '../database/capacity.ts'
import { listen } from './callbacks.ts'
import type { Operations } from './operations.ts'
import { settingsOf, type SyncOptions } from './options.ts'
import { later, soon } from '../util/part.ts'
import { createProvider } from '../transport/connection.ts'
import { createRequests } from '../transport/requests.ts'
import { createRuns } from '../sync/run.ts'
import { createSchedule } from '../schedule/plan.ts'
import { createSession } from '../sync/session.ts'
import { createStore, type Store } from '../database/store.ts'
import { createExchange } from '../sync/sync.ts'
import { createTable } from './table.ts'
import { noTabs } from '../platform/tabs.ts'
import type { RunOptions, Sync, SyncStatus, TableName, TableOf } from './types.ts'

/**
 * Makes tables of a Supabase project available on this device, offline first.
 *
 * ```ts
 * const sync = createSync<Database>({ supabase, storage: indexedDbStorage('app'), tables: ['contacts'] })
 * await sync.table('contacts').insert({ name: 'Ada' })
 * await sync.sync()
 * ```
 */
export function createSync<DB = unknown>(options: SyncOptions<TableName<DB>>): Sync<DB> {
  const settings = settingsOf(options)
  const { clock, newId, tables: named, keys, network, serverKeys, connection } = settings
  let { direction = 'both' } = options
  const events = createEmitter<SyncEvents>()
  const tabs = settings.storage.tabs?.(options.tabs) ?? noTabs
  const closing = new AbortController()
  const store = createStore(settings.storage, newId, {
    clock,
    tabs,
    hasLocal: (table) => !!named.get(table)?.local,
    onDamaged: (record) => events.emit('damaged', record),
  })
  const limit = createLimit(settings, store, (reached) => events.emit('storage_limit', reached))

  const session = createSession(store, settings, async (device_id) => {
    const { info } = await store.read(exchange.owned)
    const args = { device_id, info: { ...options.device, ...info } }
    return (await requests.call<{ last_seq: number }>('sync_register_device', args)).last_seq
  })
  const requests = createRequests(settings, closing.signal, session.check)
  /** The store as the app sees it: not while it holds another account's edits. */
  const admitted: Store = {
    ...store,
    read: async (body) => (await session.admit(), store.read(body)),
    write: async (origin, body) => (await session.admit(), store.write(origin, body)),
  }

  const status = (): SyncStatus => ({
    ...runs.state(),
    online: network.online(),
    ...store.counts(),
    nextSync: scheduler.next(),
  })
  const tellStatus = (): void => events.emit('status', status())
  function known(table: string): void {
    if (keys.has(table)) return
    throw new ValidationError({
      code: 'unknown_table',
      message: `No table ${table} here.`,
      hint: 'Name it in the tables of createSync.',
    })
  }

  const runs = createRuns({
    settings,
    store,
    tabs,
    events,
    closing: closing.signal,
    claim: session.claim,
    tellStatus,
  })
  const standIns = serverKeys.size > 0 ? soon(() => import('../database/temporary-ids.ts')) : undefined
  const deps = { settings, store, session, requests, limit, events, standIns }
  const exchange = createExchange(deps)

  const way =
    (name: string, work: 'push' | 'pull' | 'both') =>
    async (asked: RunOptions = {}) => {
      asked.tables?.forEach(known)
      return runs.run(name, asked, async (run) => {
        await exchange.begin()
        await exchange[work](run)
        if (options.verifyAfterSync && work !== 'push') await compare(run.tables)
      })
    }
  const both = way('sync', 'both')
  const push = way('push', 'push')
  const pull = way('pull', 'pull')
  const sync: typeof both = (options) =>
    (direction === 'both' ? both : direction === 'push-only' ? push : pull)(options)

  store.onCommit(({ origin, rows }) => {
    for (const [table, changed] of rows)
      events.emit('change', { table, ids: [...changed.keys()], origin })
    tellStatus()
  })
  const unwatch = network.watch((online) => {
    events.emit(online ? 'online' : 'offline', { at: clock.now() })
    if (online) scheduler.again()
    tellStatus()
  })
  listen(events.on, options)

  const scheduler = createSchedule(
    settings.plan,
    async () => (await import('../schedule/schedule.ts')).createScheduling({ ...deps, runs, sync }),
    (error) => events.emit('sync_error', classify(error)),
    closing.signal,
  )

  const tables = new Map(
    [...named.values()].map(({ name, key = 'id', priority, local, validate }) => {
      const rules = validate && soon(() => import('../model/validate.ts'))
      return [
        name,
        createTable(name, key, {
          store: admitted,
          newId,
          createMissing: options.whenMissing === 'create',
          priority,
          local,
          serverKey: serverKeys.has(name),
          standIns,
          admit: () => limit.admit(),
          check:
            rules && (async (row, before) => (await rules()).check(validate, name, row, before)),
        }),
      ]
    }),
  )

  /** A database function, for the account that is signed in and no other. */
  async function call<T>(name: string, args: object): Promise<T> {
    await session.claim()
    return requests.call<T>(name, args)
  }

  const queue = later(
    async () => (await import('./queue.ts')).createQueue(admitted, clock, events),
    ['stats', 'list', 'retryFailed', 'editFailed', 'clearFailed', 'clearCompleted', 'clear'],
  )
  const damaged = later(
    async () => (await import('../database/corruption.ts')).createDamaged(admitted),
    ['list', 'clear'],
  )
  const devices = later(
    async () => (await import('./devices.ts')).createDevices(admitted, call, options.device),
    ['current', 'register', 'rename', 'list', 'revoke'],
  )
  const conflicts = later(
    async () =>
      (await import('./conflicts/conflicts.ts')).createConflicts({
        store: admitted,
        clock,
        keys,
        call,
        tables,
        events,
      }),
    ['list', 'resolve'],
  )
  const { compare, validate, ...operations } = later<Operations>(
    async () =>
      (await import('./operations.ts')).createOperations({
        ...deps,
        admitted,
        exchange,
        runs,
        known,
        sync: both,
        push,
        retryFailed: queue.retryFailed,
        provider,
        status,
      }),
    [
      'compare',
      'validate',
      'forceSyncAll',
      'waitForSync',
      'verify',
      'repair',
      'recover',
      'optimize',
      'signOut',
      'renewDevice',
      'stats',
      'health',
    ],
  )
  const provider = createProvider({
    connection,
    online: network.online,
    lastError: () => runs.state().lastError,
    validate,
  })

  return {
    async ready() {
      await store.open()
      await session.begin()
      await scheduler.start()
    },
    table<Name extends TableName<DB>>(name: Name) {
      known(name)
      return tables.get(name) as unknown as TableOf<DB, Name>
    },
    sync,
    push,
    pull,
    seed: way('seed', 'push'),
    hydrate: way('hydrate', 'pull'),
    ...operations,
    configure({ mode, debounce, interval, direction: next = direction }) {
      direction = next
      scheduler.change({
        ...(mode !== undefined && { modes: [mode].flat() }),
        ...(debounce !== undefined && { debounce }),
        ...(interval !== undefined && { interval }),
      })
    },
    start: () => void scheduler.start(),
    stop: scheduler.stop,
    on: events.on,
    queue,
    damaged,
    conflicts,
    devices,
    provider,
    status,
    async close() {
      scheduler.stop()
      session.close()
      unwatch()
      closing.abort()
      await runs.end()
      await store.close()
    },
  }
}
