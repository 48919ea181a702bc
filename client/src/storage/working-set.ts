import { StorageError } from '../model/errors.ts'
import type { Keys, Records, StoreName } from '../model/records.ts'
import type { Scan, Transaction } from './contract.ts'
import { SCHEMA, STORE_NAMES } from './contract.ts'
import { damaged, Unreadable } from './unreadable.ts'

export type Stored = Records[StoreName]
type Cell = string | number
type Held = Stored | Unreadable

/** A record's values of `columns`, as one map key; undefined where one is absent. */
function cell(record: Held, columns: readonly string[]): Cell | undefined {
  if (record instanceof Unreadable) return undefined
  const values = columns.map(
    (column) => (record as unknown as Record<string, Cell | undefined>)[column],
  )
  if (values.includes(undefined)) return undefined
  return join(values as Cell[])
}

const join = (values: readonly Cell[]): Cell =>
  values.length === 1 ? values[0]! : values.join('\u0000')

const toCell = (key: Keys[StoreName]): Cell => (typeof key === 'object' ? join(key) : key)

const order = ([a]: [Cell, Held], [b]: [Cell, Held]): number => (a < b ? -1 : a > b ? 1 : 0)

/** One store: its records by key, and for each index the same records by the index's value. */
class MemoryStore {
  readonly records = new Map<Cell, Held>()
  readonly #key: readonly string[]
  readonly #indexes: { columns: readonly string[]; entries: Map<Cell, Map<Cell, Held>> }[]
  readonly #byName = new Map<string, Map<Cell, Map<Cell, Held>>>()

  constructor(name: StoreName) {
    const { key, indexes } = SCHEMA[name]
    this.#key = key
    this.#indexes = Object.entries(indexes).map(([index, columns]) => {
      const entries = new Map<Cell, Map<Cell, Held>>()
      this.#byName.set(index, entries)
      return { columns: columns as readonly string[], entries }
    })
  }

  keyOf = (record: Stored): Keys[StoreName] => {
    const values = this.#key.map((column) => (record as unknown as Record<string, Cell>)[column]!)
    return (values.length === 1 ? values[0]! : values) as Keys[StoreName]
  }

  /** Puts `record` under `key`, or removes what is there. Returns what was. */
  set(key: Cell, record: Held | undefined): Held | undefined {
    const before = this.records.get(key)
    for (const { columns, entries } of this.#indexes) {
      const was = before && cell(before, columns)
      const is = record && cell(record, columns)
      if (was !== undefined && was !== is) {
        const bucket = entries.get(was)!
        bucket.delete(key)
        if (bucket.size === 0) entries.delete(was)
      }
      if (is !== undefined) {
        let bucket = entries.get(is)
        if (!bucket) entries.set(is, (bucket = new Map()))
        bucket.set(key, record!)
      }
    }
    if (record) this.records.set(key, record)
    else this.records.delete(key)
    return before
  }

  scan(index: string | undefined, equals: readonly string[] = []): Held[] {
    const found = index === undefined ? this.records : this.#byName.get(index)!.get(join(equals))
    return found ? [...found].sort(order).map(([, record]) => record) : []
  }
}

/** So many records of a store are measured. */
const SAMPLE = 100

/** What a transaction has changed: a record that was put, or a key whose record was removed. */
export interface Change {
  store: StoreName
  key: Keys[StoreName]
  record?: Stored
}

/** All stores in memory, with transactions that can be undone. */
export class WorkingSet {
  readonly #stores = new Map(STORE_NAMES.map((name) => [name, new MemoryStore(name)]))

  #store(name: StoreName): MemoryStore {
    return this.#stores.get(name)!
  }

  /** Takes in a record from elsewhere, or one that cannot be read; without a record forgets it. */
  load(store: StoreName, key: Keys[StoreName], record: Stored | Unreadable | undefined): void {
    this.#store(store).set(toCell(key), record)
  }

  /** Bytes that all records would take as text, estimated from some of each store. */
  size(): number {
    let bytes = 0
    for (const { records } of this.#stores.values()) {
      const sample: object[] = []
      for (const record of records.values()) if (sample.push(record) === SAMPLE) break
      const length = sample.reduce<number>((sum, record) => sum + JSON.stringify(record).length, 0)
      if (sample.length > 0) bytes += (length / sample.length) * records.size
    }
    return Math.round(bytes)
  }

  /** Forgets everything. */
  clear(): void {
    for (const name of STORE_NAMES) this.#stores.set(name, new MemoryStore(name))
  }

  /**
   * Runs `body`, then `commit` with what it has changed. If either throws, everything is as before.
   * Nothing else may run meanwhile.
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
      const before = store.set(toCell(key), record)
      undo.push(() => void store.set(toCell(key), before))
      changes.push({ store: name, key, ...(record && { record }) })
    }
    const readable = <S extends StoreName>(
      name: S,
      held: readonly (Held | undefined)[],
    ): (Records[S] | undefined)[] => {
      const bad = held.filter((record) => record instanceof Unreadable)
      if (bad.length > 0) throw damaged(name, bad)
      return held as (Records[S] | undefined)[]
    }
    const tx: Transaction = {
      get: async (name, key) => (await tx.getMany(name, [key]))[0],
      getMany: async <S extends StoreName>(name: S, keys: readonly Keys[S][]) => {
        check(false)
        const { records } = this.#store(name)
        return readable(
          name,
          keys.map((key) => records.get(toCell(key))),
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
        const found = this.#store(name).scan(index, equals).slice(0, limit)
        return readable(name, found) as Records[S][]
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
