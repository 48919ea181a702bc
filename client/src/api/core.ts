import { createCapacity } from '../database/capacity.ts'
import { createStore, type Store } from '../database/store.ts'
import { ValidationError } from '../model/errors.ts'
import type { SyncEvents } from '../model/events.ts'
import type { RunOptions, SyncReport } from '../model/report.ts'
import { noTabs } from '../platform/tabs.ts'
import type { SyncContext } from '../sync/context.ts'
import { createOwnerGuard } from '../sync/owner-guard.ts'
import { createRuns, type Runs } from '../sync/run.ts'
import { createSession } from '../sync/session.ts'
import { sync, type SyncMethod } from '../sync/sync.ts'
import { createRequests } from '../transport/requests.ts'
import { createEmitter } from '../util/emitter.ts'
import { resolveSettings, type SyncOptions } from './options.ts'

/** What the methods of a sync use. */
export interface Core extends SyncContext {
  runs: Runs
  /** The store for calls of the app: throws while the store belongs to another user than the signed-in one. */
  appStore: Store
  /** Aborts when the sync is closed. */
  closing: AbortController
  /** Makes a method of a sync that runs `method`; calls that wait share a run by `name`. */
  syncMethod(name: string, method: SyncMethod): (options?: RunOptions) => Promise<SyncReport>
  /** Calls a database function for the user who owns the store. */
  call<T>(name: string, args: object): Promise<T>
  /** Throws a `ValidationError` (`unknown_table`) where `createSync` was called without the table. */
  assertKnownTable(table: string): void
}

/** Creates the parts of a sync: store, session, requests and runs. */
export function createCore(options: SyncOptions, emitStatus: () => void): Core {
  const settings = resolveSettings(options)
  const events = createEmitter<SyncEvents>()
  const closing = new AbortController()
  const tabs = settings.storage.tabs?.(options.tabs) ?? noTabs
  const store = createStore(settings.storage, settings.newId, {
    clock: settings.clock,
    tabs,
    hasLocal: (table) => !!settings.tables.get(table)?.local,
    onDamaged: (record) => events.emit('damaged', record),
  })
  const capacity = createCapacity(settings.storage, store, settings, (reached) =>
    events.emit('storage_limit', reached),
  )
  const owner = createOwnerGuard(store, settings.account)
  const session = createSession(store, settings, async (device_id) => {
    const { info } = await store.read(owner.ownedDevice)
    const args = { device_id, info: { ...settings.device, ...info } }
    return (await requests.call<{ last_seq: number }>('sync_register_device', args)).last_seq
  })
  const requests = createRequests(settings, closing.signal, session.throwIfDenied)
  const runs = createRuns({
    settings,
    store,
    tabs,
    events,
    closing: closing.signal,
    ensureOwner: session.ensureOwner,
    emitStatus,
  })
  const { pageSize } = settings
  const context = { settings, store, session, owner, requests, capacity, events, pageSize }

  function assertKnownTable(table: string): void {
    if (settings.keys.has(table)) return
    throw new ValidationError({
      code: 'unknown_table',
      message: `The table ${table} is not synced.`,
      hint: 'Add it to the option tables of createSync.',
    })
  }

  return Object.assign(context, {
    runs,
    closing,
    assertKnownTable,
    appStore: withAccessCheck(session.recheckAccess, store),
    syncMethod:
      (name: string, method: SyncMethod) =>
      async (runOptions: RunOptions = {}) => {
        runOptions.tables?.forEach(assertKnownTable)
        return runs.run(name, runOptions, (run) => sync(context, run, method))
      },
    async call<T>(name: string, args: object): Promise<T> {
      await session.ensureOwner()
      return requests.call<T>(name, args)
    },
  })
}

/** A store that calls `assertAccess` before every transaction. */
const withAccessCheck = (assertAccess: () => Promise<void>, store: Store): Store => ({
  ...store,
  read: async (body) => {
    await assertAccess()
    return store.read(body)
  },
  write: async (origin, body) => {
    await assertAccess()
    return store.write(origin, body)
  },
})
