import { StorageError } from '../errors.ts'
import { SCHEMA, STORE_NAMES } from '../storage.ts'
import type { Keys, Records, StoreName, SyncStorage, Transaction } from '../storage.ts'

type Stored = Records[StoreName]
type Cell = string | number

/** A record's values of `columns`, as one map key; undefined where one is absent. */
function cell(record: Stored, columns: readonly string[]): Cell | undefined {
  const values = columns.map(
    (column) => (record as unknown as Record<string, Cell | undefined>)[column],
  )
  if (values.includes(undefined)) return undefined
  return join(values as Cell[])
}

const join = (values: readonly Cell[]): Cell =>
  values.length === 1 ? values[0]! : values.join('\u0000')

const toCell = (key: Keys[StoreName]): Cell => (typeof key === 'object' ? join(key) : key)

const order = ([a]: [Cell, Stored], [b]: [Cell, Stored]): number => (a < b ? -1 : a > b ? 1 : 0)

/** One store: its records by key, and for each index the same records by the index's value. */
class MemoryStore {
  readonly records = new Map<Cell, Stored>()
  readonly #key: readonly string[]
  readonly #indexes: { columns: readonly string[]; entries: Map<Cell, Map<Cell, Stored>> }[]
  readonly #byName = new Map<string, Map<Cell, Map<Cell, Stored>>>()

  constructor(name: StoreName) {
    const { key, indexes } = SCHEMA[name]
    this.#key = key
    this.#indexes = Object.entries(indexes).map(([index, columns]) => {
      const entries = new Map<Cell, Map<Cell, Stored>>()
      this.#byName.set(index, entries)
      return { columns: columns as readonly string[], entries }
    })
  }

  keyOf = (record: Stored): Cell => cell(record, this.#key)!

  /** Puts `record` under `key`, or removes what is there. Returns what was. */
  set(key: Cell, record: Stored | undefined): Stored | undefined {
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

  scan(index: string | undefined, equals: readonly string[] = []): Stored[] {
    const found = index === undefined ? this.records : this.#byName.get(index)!.get(join(equals))
    return found ? [...found].sort(order).map(([, record]) => record) : []
  }
}

/**
 * Keeps everything in memory: for tests, scripts, and apps that start afresh each time. Give the same
 * storage to another `createSync` and it goes on where the first one stopped.
 */
export function memoryStorage(): SyncStorage {
  const stores = new Map(STORE_NAMES.map((name) => [name, new MemoryStore(name)]))
  const storeOf = (name: StoreName): MemoryStore => stores.get(name)!
  let tail: Promise<unknown> = Promise.resolve()
  let open = false

  async function transaction<T>(
    mode: 'readonly' | 'readwrite',
    body: (tx: Transaction) => Promise<T>,
  ): Promise<T> {
    if (!open) throw new StorageError({ code: 'closed', message: 'The storage is not open.' })
    const undo: (() => void)[] = []
    let active = true
    const check = (writes: boolean): void => {
      if (!active)
        throw new StorageError({ code: 'storage', message: 'The transaction has ended.' })
      if (writes && mode === 'readonly')
        throw new StorageError({ code: 'storage', message: 'The transaction is read-only.' })
    }
    const set = (store: MemoryStore, key: Cell, record: Stored | undefined): void => {
      const before = store.set(key, record)
      undo.push(() => void store.set(key, before))
    }
    const tx: Transaction = {
      async get<S extends StoreName>(name: S, key: Keys[S]) {
        check(false)
        return storeOf(name).records.get(toCell(key)) as Records[S] | undefined
      },
      async getMany<S extends StoreName>(name: S, keys: readonly Keys[S][]) {
        check(false)
        const { records } = storeOf(name)
        return keys.map((key) => records.get(toCell(key)) as Records[S] | undefined)
      },
      async putMany(name, records) {
        check(true)
        const store = storeOf(name)
        for (const record of records) set(store, store.keyOf(record), record)
      },
      async deleteMany(name, keys) {
        check(true)
        const store = storeOf(name)
        for (const key of keys) set(store, toCell(key), undefined)
      },
      async scan<S extends StoreName>(
        name: S,
        {
          index,
          equals,
          limit,
        }: { index?: string; equals?: readonly string[]; limit?: number } = {},
      ) {
        check(false)
        return storeOf(name).scan(index, equals).slice(0, limit) as Records[S][]
      },
      async count(name) {
        check(false)
        return storeOf(name).records.size
      },
    }
    try {
      return await body(tx)
    } catch (error) {
      for (const step of undo.toReversed()) step()
      throw error
    } finally {
      active = false
    }
  }

  return {
    async open() {
      open = true
    },
    transaction(mode, body) {
      const result = tail.then(() => transaction(mode, body))
      tail = result.catch(() => {})
      return result
    },
    async close() {
      await tail
      open = false
    },
  }
}
