import { type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import { StorageError } from '../model/errors.ts'
import type { Keys, Records, StoreName } from '../model/records.ts'
import { createTabs } from '../platform/browser-tabs.ts'
import type { Scan, SyncStorage, Transaction } from './contract.ts'
import { SCHEMA, SCHEMA_VERSION, STORE_NAMES } from './contract.ts'

type Database = IDBPDatabase
type NativeTransaction = IDBPTransaction<unknown, StoreName[], IDBTransactionMode>

/** From this number of keys on, one request for a range is tried in place of one request for each key. */
const MIN_KEYS_FOR_RANGE = 50

/** Code of the `StorageError` by name of the DOM exception. */
const CODES: Record<string, string> = {
  QuotaExceededError: 'quota',
  DataError: 'corrupt',
  DataCloneError: 'corrupt',
  NotReadableError: 'corrupt',
  InvalidStateError: 'closed',
  VersionError: 'blocked',
}

/** An error of IndexedDB as a `StorageError`; any other error unchanged. */
function storageError(error: unknown): unknown {
  if (!(error instanceof DOMException)) return error
  const code = CODES[error.name] ?? 'storage'
  return new StorageError({
    code,
    message: `IndexedDB: ${error.message || error.name}`,
    cause: error,
  })
}

/** Whether an index has the first columns of the primary key, and so needs no index of its own. */
const isPrefix = (columns: readonly string[], key: readonly string[]): boolean =>
  columns.every((column, position) => column === key[position])

/** All keys that start with `values`: in IndexedDB an array sorts after every string and number. */
const keysStartingWith = (values: readonly string[]): IDBKeyRange =>
  IDBKeyRange.bound([...values], [...values, []])

/** Creates the stores and indexes that are missing. */
function upgrade(db: Database): void {
  for (const name of STORE_NAMES) {
    if (db.objectStoreNames.contains(name)) continue
    const { key, indexes } = SCHEMA[name]
    const store = db.createObjectStore(name, { keyPath: key.length === 1 ? key[0] : [...key] })
    for (const [index, columns] of Object.entries(indexes)) {
      const path = columns.length === 1 ? columns[0]! : [...columns]
      if (!isPrefix(columns, key)) store.createIndex(index, path)
    }
  }
}

/** The contract's transaction on a transaction of IndexedDB. */
function wrap(native: NativeTransaction): Transaction {
  const nativeKey = (key: Keys[StoreName]): IDBValidKey => key as IDBValidKey

  /** Reads many keys that lie close together, such as those of a page, in one request. */
  async function getMany<S extends StoreName>(
    name: S,
    keys: readonly Keys[S][],
  ): Promise<(Records[S] | undefined)[]> {
    const store = native.objectStore(name)
    if (keys.length >= MIN_KEYS_FOR_RANGE) {
      const sorted = keys.map((key) => nativeKey(key)).sort((a, b) => indexedDB.cmp(a, b))
      const range = IDBKeyRange.bound(sorted[0]!, sorted.at(-1)!)
      const count = await store.count(range)
      if (count <= 2 * keys.length) {
        const keyColumns = SCHEMA[name].key as readonly string[]
        const byKey = new Map<string, Records[S]>()
        const records: Records[S][] = count === 0 ? [] : await store.getAll(range)
        for (const record of records) {
          const values = keyColumns.map(
            (column) => (record as unknown as Record<string, unknown>)[column],
          )
          byKey.set(JSON.stringify(values.length === 1 ? values[0] : values), record)
        }
        return keys.map((key) => byKey.get(JSON.stringify(key)))
      }
    }
    return Promise.all(keys.map((key) => store.get(nativeKey(key))))
  }

  return {
    get: (name, key) => native.objectStore(name).get(nativeKey(key)),
    getMany,
    async putMany(name, records) {
      const store = native.objectStore(name)
      await Promise.all(records.map((record) => store.put!(record)))
    },
    async deleteMany(name, keys) {
      const store = native.objectStore(name)
      await Promise.all(keys.map((key) => store.delete!(nativeKey(key))))
    },
    async scan<S extends StoreName>(name: S, { index, equals = [], limit }: Scan<S> = {}) {
      const store = native.objectStore(name)
      if (index === undefined) return store.getAll(null, limit)
      const { key, indexes } = SCHEMA[name]
      const columns = (indexes as Record<string, readonly string[]>)[index]!
      if (isPrefix(columns, key)) return store.getAll(keysStartingWith(equals), limit)
      const only = IDBKeyRange.only(equals.length === 1 ? equals[0] : [...equals])
      return store.index(index).getAll(only, limit)
    },
    count: (name) => native.objectStore(name).count(),
  }
}

/** Stores everything in the IndexedDB database `name`. The data survives restarts, and tabs can share it. */
export function indexedDbStorage(name: string): SyncStorage {
  let opening: Promise<Database> | undefined

  async function connect(): Promise<Database> {
    try {
      return await openDB(name, SCHEMA_VERSION, {
        upgrade,
        // A tab with a newer version of the app upgrades the database; this tab's calls fail with `closed`.
        blocking: (_from, _to, event) => (event.target as IDBDatabase).close(),
        terminated: () => (opening = undefined),
      })
    } catch (error) {
      opening = undefined
      throw storageError(error)
    }
  }

  return {
    tabs: (options) => createTabs(`indexeddb:${name}`, options),
    async open() {
      await (opening ??= connect())
    },
    async transaction(mode, body) {
      const db = await (opening ??
        Promise.reject(new StorageError({ code: 'closed', message: 'The storage is not open.' })))
      let native: NativeTransaction | undefined
      try {
        native = db.transaction(STORE_NAMES, mode) as NativeTransaction
        // An unhandled rejection would end a Node process; `done` is awaited below.
        native.done.catch(() => {})
        const result = await body(wrap(native))
        await native.done
        return result
      } catch (error) {
        try {
          native?.abort()
        } catch {
          // The transaction has ended already.
        }
        throw storageError(native?.error ?? error)
      }
    },
    async size() {
      const estimate = await (globalThis.navigator as Navigator | undefined)?.storage?.estimate()
      return estimate?.usage ?? 0
    },
    async close() {
      const db = await opening?.catch(() => undefined)
      opening = undefined
      db?.close()
    },
  }
}
