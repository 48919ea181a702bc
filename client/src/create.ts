import { createRequests } from './requests.ts'
import { createEmitter, type SyncEvents } from './events.ts'
import { classify, ValidationError } from './errors.ts'
import { createExchange } from './sync.ts'
import { createLimit } from './limits.ts'
import { later, part, soon } from './part.ts'
import { listen } from './observe/callbacks.ts'
import { intervalsOf, settingsOf, type SyncOptions } from './options.ts'
import type { Operations } from './operations.ts'
import { createProvider } from './provider.ts'
import { createRuns } from './run.ts'
import { pokesLater } from './pokes.ts'
import { createScheduler } from './scheduler.ts'
import { createSession } from './session.ts'
import { createStore, cursorOf, deviceOf, type Store } from './store.ts'
import { createTable } from './table.ts'
import { createTabs } from './tabs.ts'
import type { RunOptions, Sync, SyncStatus, TableName, TableOf } from './types.ts'

/** Refusals after which nothing runs by itself any more: somebody has to do something first. */
const FINAL = ['upgrade_required', 'device_revoked', 'device_of_another_user']

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
  const { account, clock, newId, keys, network, local, rules, serverKeys, connection } = settings
  let { direction } = settings
  const events = createEmitter<SyncEvents>()
  const tabs = createTabs(settings.storage.name, settings.tabs)
  const closing = new AbortController()
  const store = createStore(settings.storage, newId, {
    clock,
    tabs,
    withLocal: new Set(local.keys()),
    onDamaged: (record) => events.emit('damaged', record),
  })
  const limit = createLimit(settings, store, (reached) => events.emit('storage_limit', reached))

  const session = createSession(store, settings, async (device_id) => {
    const { info } = await store.read(deviceOf)
    const args = { device_id, info: { ...settings.device, ...info } }
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
  const unskipped = (): string[] => [...keys.keys()].filter((table) => !settings.skipped(table))
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
    unskipped,
    tellStatus,
  })
  const standIns = serverKeys.size > 0 ? soon(() => import('./server-keys.ts')) : undefined
  const deps = { settings, store, session, requests, limit, events, standIns }
  const exchange = createExchange(deps)

  const way =
    (name: string, work: keyof typeof exchange) =>
    async (options: RunOptions = {}) => {
      options.tables?.forEach(known)
      return runs.run(name, options, async (run) => {
        await exchange[work](run)
        if (settings.verifyAfterSync && work !== 'push') await compare(run.tables)
        pokes.refresh?.()
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
    tellStatus()
  })
  listen(events.on, options)

  const pokes =
    settings.pokes ??
    pokesLater(async () => {
      const { connectionPokes } = await import('./realtime.ts')
      return connectionPokes(connection, async () => (await store.read(cursorOf)).scopes ?? [])
    })
  const scheduler = createScheduler({
    ...settings,
    pokes,
    onEdit: (fn) =>
      store.onCommit(
        ({ origin, rows, elsewhere }) =>
          void (origin === 'local' && !elsewhere && rows.size && fn()),
      ),
    onSignIn,
    waiting: () => store.counts().pending > 0,
    run: bySelf,
  })

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
  async function bySelf(): Promise<boolean> {
    const { lastError } = runs.state()
    if (lastError && FINAL.includes(lastError.code)) return false
    try {
      if ((await account.user()) === null) return false
      await sync()
      return false
    } catch (error) {
      return classify(error).retryable
    }
  }

  const check = rules.size > 0 ? soon(() => import('./validate.ts')) : undefined
  const tables = new Map(
    [...keys].map(([name, key]) => {
      const rule = rules.get(name)
      return [
        name,
        createTable(name, key, {
          store: admitted,
          clock,
          newId,
          createMissing: settings.createMissing,
          priority: settings.priorities.get(name)!,
          local: local.get(name),
          serverKey: serverKeys.has(name),
          standIns,
          admit: limit.admit,
          check: rule && (async (row, before) => (await check!()).check(rule, name, row, before)),
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
    async () => (await import('./queue.ts')).createQueue(admitted, clock),
    ['stats', 'list', 'retryFailed', 'editFailed', 'clearFailed', 'clearCompleted', 'clear'],
  )
  const damaged = later(
    async () => (await import('./damage.ts')).createDamaged(admitted),
    ['list', 'clear'],
  )
  const devices = later(
    async () => (await import('./devices.ts')).createDevices(admitted, call, settings.device),
    ['current', 'register', 'rename', 'list', 'revoke'],
  )
  const conflicts = later(
    async () =>
      (await import('./conflicts/conflicts.ts')).createConflicts({
        store: admitted,
        clock,
        keys,
        call,
        insert: async (table, row) => void (await tables.get(table)!.insert(row)),
        onResolved: (resolved) => events.emit('conflict_resolved', resolved),
      }),
    ['list', 'resolve'],
  )
  const provider = createProvider({
    connection,
    online: network.online,
    lastError: () => runs.state().lastError,
    validate: async () => (await part(import('./observe/validity.ts'))).validityOf(deps),
  })
  const { compare, ...operations } = later<Operations>(
    async () =>
      (await import('./operations.ts')).createOperations({
        ...deps,
        admitted,
        runs,
        known,
        unskipped,
        sync: both,
        push,
        retryFailed: queue.retryFailed,
      }),
    [
      'compare',
      'forceSyncAll',
      'waitForSync',
      'verify',
      'repair',
      'recover',
      'optimize',
      'signOut',
      'renewDevice',
    ],
  )

  return {
    async ready() {
      await store.open()
      await session.begin()
      scheduler.start()
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
        ...(interval !== undefined && { intervals: intervalsOf(interval) }),
      })
    },
    start: scheduler.start,
    stop: scheduler.stop,
    on: events.on,
    queue,
    damaged,
    conflicts,
    devices,
    provider,
    status,
    stats: async () => (await part(import('./observe/stats.ts'))).statsOf(admitted, status()),
    health: async () =>
      (await part(import('./observe/health.ts'))).healthOf({ store, provider, status }),
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
