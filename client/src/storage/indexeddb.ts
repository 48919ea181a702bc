import { type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import { StorageError } from '../model/errors.ts'
import type { Keys, Records, StoreName } from '../model/records.ts'
import { createTabs } from '../platform/browser-tabs.ts'
import type { Scan, SyncStorage, Transaction } from './contract.ts'
import { SCHEMA, SCHEMA_VERSION, STORE_NAMES } from './contract.ts'

type Database = IDBPDatabase
type NativeTransaction = IDBPTransaction<unknown, StoreName[], IDBTransactionMode>

/** From this many keys on, reading a range at once beats asking for each key. */
const BULK = 50

/** Names of DOM exceptions → codes of `StorageError`. */
const CODES: Record<string, string> = {
  QuotaExceededError: 'quota',
  DataError: 'corrupt',
  DataCloneError: 'corrupt',
  NotReadableError: 'corrupt',
  InvalidStateError: 'closed',
  VersionError: 'blocked',
}

function storageError(error: unknown): unknown {
  if (!(error instanceof DOMException)) return error
  const code = CODES[error.name] ?? 'storage'
  return new StorageError({
    code,
    message: `IndexedDB: ${error.message || error.name}`,
    cause: error,
  })
}

/** Array keys are the primary key's columns, or a prefix of them. */
const isPrefix = (columns: readonly string[], key: readonly string[]): boolean =>
  columns.every((column, place) => column === key[place])

/** Everything that starts with `values`: an array sorts after every string and number. */
const startingWith = (values: readonly string[]): IDBKeyRange =>
  IDBKeyRange.bound([...values], [...values, []])

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

function wrap(native: NativeTransaction): Transaction {
  const valid = (key: Keys[StoreName]): IDBValidKey => key as IDBValidKey

  /** Many keys of one neighbourhood are read in one request: a page of a download is such a case. */
  async function getMany<S extends StoreName>(
    name: S,
    keys: readonly Keys[S][],
  ): Promise<(Records[S] | undefined)[]> {
    const store = native.objectStore(name)
    if (keys.length >= BULK) {
      const sorted = keys.map((key) => valid(key)).sort((a, b) => indexedDB.cmp(a, b))
      const range = IDBKeyRange.bound(sorted[0]!, sorted.at(-1)!)
      const there = await store.count(range)
      if (there <= 2 * keys.length) {
        const path = SCHEMA[name].key as readonly string[]
        const text = (parts: unknown): string => JSON.stringify(parts)
        const found = new Map<string, Records[S]>()
        const records: Records[S][] = there === 0 ? [] : await store.getAll(range)
        for (const record of records) {
          const cells = path.map((column) => (record as unknown as Record<string, unknown>)[column])
          found.set(text(cells.length === 1 ? cells[0] : cells), record)
        }
        return keys.map((key) => found.get(text(key)))
      }
    }
    return Promise.all(keys.map((key) => store.get(valid(key))))
  }

  return {
    get: (name, key) => native.objectStore(name).get(valid(key)),
    getMany,
    async putMany(name, records) {
      const store = native.objectStore(name)
      await Promise.all(records.map((record) => store.put!(record)))
    },
    async deleteMany(name, keys) {
      const store = native.objectStore(name)
      await Promise.all(keys.map((key) => store.delete!(valid(key))))
    },
    async scan<S extends StoreName>(name: S, { index, equals = [], limit }: Scan<S> = {}) {
      const store = native.objectStore(name)
      if (index === undefined) return store.getAll(null, limit)
      const { key, indexes } = SCHEMA[name]
      const columns = (indexes as Record<string, readonly string[]>)[index]!
      if (isPrefix(columns, key)) return store.getAll(startingWith(equals), limit)
      const only = IDBKeyRange.only(equals.length === 1 ? equals[0] : [...equals])
      return store.index(index).getAll(only, limit)
    },
    count: (name) => native.objectStore(name).count(),
  }
}

/**
 * Keeps everything in the browser's IndexedDB database `name`; survives restarts, and several tabs may
 * use it at once.
 */
export function indexedDbStorage(name: string): SyncStorage {
  let opening: Promise<Database> | undefined

  async function connect(): Promise<Database> {
    try {
      return await openDB(name, SCHEMA_VERSION, {
        upgrade,
        // Another tab has a newer version of the app: let it upgrade; this one reports `closed`.
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
        // A rejection that nobody awaits would end a Node process; `done` is awaited below all the same.
        native.done.catch(() => {})
        const result = await body(wrap(native))
        await native.done
        return result
      } catch (error) {
        try {
          native?.abort()
        } catch {
          // It has ended already.
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
