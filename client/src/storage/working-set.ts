import { StorageError } from '../model/errors.ts'
import type { Keys, Records, StoreName } from '../model/records.ts'
import type { Scan, Transaction } from './contract.ts'
import { SCHEMA, STORE_NAMES } from './contract.ts'
import { damagedError, Unreadable } from './unreadable.ts'

export type Stored = Records[StoreName]
/** A key, or the values of an index, as one key of a Map. */
type MapKey = string | number
type Entry = Stored | Unreadable

/** A record's values of `columns` as one map key; undefined where a value is absent. */
function mapKeyOf(record: Entry, columns: readonly string[]): MapKey | undefined {
  if (record instanceof Unreadable) return undefined
  const values = columns.map(
    (column) => (record as unknown as Record<string, MapKey | undefined>)[column],
  )
  if (values.includes(undefined)) return undefined
  return join(values as MapKey[])
}

const join = (values: readonly MapKey[]): MapKey =>
  values.length === 1 ? values[0]! : values.join('\u0000')

const toMapKey = (key: Keys[StoreName]): MapKey => (typeof key === 'object' ? join(key) : key)

const byKey = ([a]: [MapKey, Entry], [b]: [MapKey, Entry]): number => (a < b ? -1 : a > b ? 1 : 0)

/** One store: its records by key, and for each index by the index's values. */
class MemoryStore {
  readonly records = new Map<MapKey, Entry>()
  readonly #key: readonly string[]
  readonly #indexes: { columns: readonly string[]; entries: Map<MapKey, Map<MapKey, Entry>> }[]
  readonly #byName = new Map<string, Map<MapKey, Map<MapKey, Entry>>>()

  constructor(name: StoreName) {
    const { key, indexes } = SCHEMA[name]
    this.#key = key
    this.#indexes = Object.entries(indexes).map(([index, columns]) => {
      const entries = new Map<MapKey, Map<MapKey, Entry>>()
      this.#byName.set(index, entries)
      return { columns: columns as readonly string[], entries }
    })
  }

  keyOf = (record: Stored): Keys[StoreName] => {
    const values = this.#key.map((column) => (record as unknown as Record<string, MapKey>)[column]!)
    return (values.length === 1 ? values[0]! : values) as Keys[StoreName]
  }

  /** Puts `record` under `key`; without a record removes the stored one. Returns the record before. */
  set(key: MapKey, record: Entry | undefined): Entry | undefined {
    const before = this.records.get(key)
    for (const { columns, entries } of this.#indexes) {
      const oldValue = before && mapKeyOf(before, columns)
      const newValue = record && mapKeyOf(record, columns)
      if (oldValue !== undefined && oldValue !== newValue) {
        const bucket = entries.get(oldValue)!
        bucket.delete(key)
        if (bucket.size === 0) entries.delete(oldValue)
      }
      if (newValue !== undefined) {
        let bucket = entries.get(newValue)
        if (!bucket) entries.set(newValue, (bucket = new Map()))
        bucket.set(key, record!)
      }
    }
    if (record) this.records.set(key, record)
    else this.records.delete(key)
    return before
  }

  scan(index: string | undefined, equals: readonly string[] = []): Entry[] {
    const matching = index === undefined ? this.records : this.#byName.get(index)!.get(join(equals))
    return matching ? [...matching].sort(byKey).map(([, record]) => record) : []
  }
}

/** Number of records of a store that `size` measures. */
const SAMPLE_SIZE = 100

/** A change of a transaction: a record that was put, or a key whose record was removed. */
export interface Change {
  store: StoreName
  key: Keys[StoreName]
  record?: Stored
}

/** All stores in memory, with transactions that can be rolled back. */
export class WorkingSet {
  readonly #stores = new Map(STORE_NAMES.map((name) => [name, new MemoryStore(name)]))

  #store(name: StoreName): MemoryStore {
    return this.#stores.get(name)!
  }

  /** Puts a record outside of a transaction; without a record removes it. */
  load(store: StoreName, key: Keys[StoreName], record: Stored | Unreadable | undefined): void {
    this.#store(store).set(toMapKey(key), record)
  }

  /** Size of all records as text, estimated from a sample of each store. */
  size(): number {
    let bytes = 0
    for (const { records } of this.#stores.values()) {
      const sample: object[] = []
      for (const record of records.values()) if (sample.push(record) === SAMPLE_SIZE) break
      const length = sample.reduce<number>((sum, record) => sum + JSON.stringify(record).length, 0)
      if (sample.length > 0) bytes += (length / sample.length) * records.size
    }
    return Math.round(bytes)
  }

  /** Removes every record. */
  clear(): void {
    for (const name of STORE_NAMES) this.#stores.set(name, new MemoryStore(name))
  }

  /**
   * Runs `body`, then `commit` with its changes. Where either throws, the changes are rolled back. Transactions must
   * not overlap.
   */
  async transaction<T>(
    mode: 'readonly' | 'readwrite',
    body: (tx: Transaction) => Promise<T>,
    commit: (changes: readonly Change[]) => void = () => {},
  ): Promise<T> {
    const undo: (() => void)[] = []
    const changes: Change[] = []
    let active = true
    const check = (writes: boolean): void => {
      if (!active)
        throw new StorageError({ code: 'storage', message: 'The transaction has ended.' })
      if (writes && mode === 'readonly')
        throw new StorageError({ code: 'storage', message: 'The transaction is read-only.' })
    }
    const set = (name: StoreName, key: Keys[StoreName], record?: Stored): void => {
      const store = this.#store(name)
      const before = store.set(toMapKey(key), record)
      undo.push(() => void store.set(toMapKey(key), before))
      changes.push({ store: name, key, ...(record && { record }) })
    }
    const readable = <S extends StoreName>(
      name: S,
      entries: readonly (Entry | undefined)[],
    ): (Records[S] | undefined)[] => {
      const unreadable = entries.filter((record) => record instanceof Unreadable)
      if (unreadable.length > 0) throw damagedError(name, unreadable)
      return entries as (Records[S] | undefined)[]
    }
    const tx: Transaction = {
      get: async (name, key) => (await tx.getMany(name, [key]))[0],
      getMany: async <S extends StoreName>(name: S, keys: readonly Keys[S][]) => {
        check(false)
        const { records } = this.#store(name)
        return readable(
          name,
          keys.map((key) => records.get(toMapKey(key))),
        )
      },
      putMany: async (name, records) => {
        check(true)
        const store = this.#store(name)
        for (const record of records) set(name, store.keyOf(record), record)
      },
      deleteMany: async (name, keys) => {
        check(true)
        for (const key of keys) set(name, key)
      },
      scan: async <S extends StoreName>(name: S, { index, equals, limit }: Scan<S> = {}) => {
        check(false)
        const entries = this.#store(name).scan(index, equals).slice(0, limit)
        return readable(name, entries) as Records[S][]
      },
      count: async (name) => {
        check(false)
        return this.#store(name).records.size
      },
    }
    try {
      const result = await body(tx)
      if (changes.length > 0) commit(changes)
      return result
    } catch (error) {
      for (const step of undo.toReversed()) step()
      throw error
    } finally {
      active = false
    }
  }
}
