import { StorageError } from '../model/errors.ts'
import type {
  DamagedRecord,
  DetachedAccountRecord,
  QueuedMutation,
  RowRecord,
  StoreName,
} from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { SyncStorage, Transaction } from './contract.ts'

/**
 * Encrypts and decrypts texts. `context` is `table.column`; a good cipher binds the sealed text to it, so that the
 * text cannot be opened in another column.
 */
export interface Cipher {
  seal(text: string, context: string): Promise<string>
  /** Rejects where `seal` has not made `sealed` with this key and context. */
  open(sealed: string, context: string): Promise<string>
}

export interface EncryptionOptions {
  cipher: Cipher
  /** The columns to encrypt, by table. The primary key must not be among them. */
  columns: Readonly<Record<string, readonly string[]>>
}

/** A value as it is stored. */
interface Sealed {
  $sealed: string
}

const isSealed = (value: unknown): value is Sealed =>
  typeof value === 'object' && value !== null && typeof (value as Sealed).$sealed === 'string'

/**
 * Keeps the values of chosen columns encrypted in `storage`, in rows and in mutations. Everything above the storage
 * works with plain values; lists are filtered and ordered as without encryption, since that happens after reading.
 *
 * A transaction of a storage may await nothing but its own calls, and a cipher is asynchronous. So a transaction
 * that needs a value which is not in the cache is rolled back, the value is sealed or opened, and the transaction
 * runs again, until the cache holds every value. Its body gives the same result each time, see `Store.write`. Plain
 * values are kept in memory only.
 */
export function encryptedStorage(
  storage: SyncStorage,
  { cipher, columns }: EncryptionOptions,
): SyncStorage {
  const cache = new ValueCache(cipher)
  const mapRecord = createRecordMapper(columns)
  let running = 0

  function openRecords<T>(store: StoreName, records: readonly T[]): T[] {
    return cache.lookUpAll((lookUp) =>
      records.map((record) =>
        record === undefined
          ? record
          : mapRecord(
              store,
              record,
              () => (value, context) => (isSealed(value) ? lookUp.opened(value, context) : value),
            ),
      ),
    )
  }

  function sealRecords<T>(store: StoreName, records: readonly T[]): T[] {
    return cache.lookUpAll((lookUp) =>
      records.map((record) =>
        mapRecord(
          store,
          record,
          (id) => (value, context) => lookUp.sealed(JSON.stringify(value), context, id),
        ),
      ),
    )
  }

  const withEncryption = (tx: Transaction): Transaction => ({
    ...tx,
    get: async (store, key) => openRecords(store, [await tx.get(store, key)])[0],
    getMany: async (store, keys) => openRecords(store, await tx.getMany(store, keys)),
    scan: async (store, query) => openRecords(store, await tx.scan(store, query)),
    putMany: (store, records) => tx.putMany(store, sealRecords(store, records)),
  })

  return {
    ...storage,
    async transaction(mode, body) {
      // Another transaction that is running may still need the cached values.
      if (running === 0) cache.trim()
      running++
      try {
        for (;;) {
          try {
            return await storage.transaction(mode, (tx) => body(withEncryption(tx)))
          } catch (error) {
            if (!(error instanceof MissingValues)) throw error
            await cache.add(error.values)
          }
        }
      } finally {
        running--
      }
    },
    async close() {
      cache.clear()
      await storage.close()
    },
  }
}

/** A value that the cache does not hold: a plain text to seal, or a sealed text to open. */
type MissingValue = { context: string; key: string } & ({ seal: string } | { open: string })

/** Thrown to roll a transaction back until the cache holds these values. */
class MissingValues extends Error {
  readonly values: readonly MissingValue[]

  constructor(values: readonly MissingValue[]) {
    super('values to seal or open')
    this.values = values
  }
}

/** Looks values up in the cache, and collects those that are missing. */
interface LookUp {
  opened(value: Sealed, context: string): unknown
  /** Each row (`id`) has sealed values of its own, so that equal values are not recognisable. */
  sealed(text: string, context: string, id: string): Sealed | undefined
}

/** The cache drops its values when it holds more than this number. */
const MAX_CACHED_VALUES = 50_000

/** Values that were sealed or opened. */
class ValueCache {
  readonly #opened = new Map<string, unknown>()
  readonly #sealed = new Map<string, Sealed>()
  readonly #cipher: Cipher

  constructor(cipher: Cipher) {
    this.#cipher = cipher
  }

  /** Runs `work`. Throws `MissingValues` where it has looked up a value that the cache does not hold. */
  lookUpAll<T>(work: (lookUp: LookUp) => T): T {
    const missing: MissingValue[] = []
    const result = work({
      opened: ({ $sealed }, context) => {
        const key = `${context}\n${$sealed}`
        if (!this.#opened.has(key)) missing.push({ context, key, open: $sealed })
        return this.#opened.get(key)
      },
      sealed: (text, context, id) => {
        const key = `${context}\n${id}\n${text}`
        if (!this.#sealed.has(key)) missing.push({ context, key, seal: text })
        return this.#sealed.get(key)
      },
    })
    if (missing.length > 0) throw new MissingValues(missing)
    return result
  }

  /** Seals or opens values and adds them. */
  async add(values: readonly MissingValue[]): Promise<void> {
    await Promise.all(values.map((value) => this.#addOne(value)))
  }

  async #addOne(value: MissingValue): Promise<void> {
    const { context, key } = value
    if ('seal' in value) {
      const $sealed = await this.#cipher.seal(value.seal, context)
      this.#sealed.set(key, { $sealed })
      this.#opened.set(`${context}\n${$sealed}`, JSON.parse(value.seal))
      return
    }
    try {
      this.#opened.set(key, JSON.parse(await this.#cipher.open(value.open, context)))
    } catch (cause) {
      throw new StorageError({
        code: 'storage',
        message: `A value of ${context} cannot be decrypted.`,
        hint: 'Use the key with which the value was encrypted. Nothing has been changed.',
        cause,
      })
    }
  }

  trim(): void {
    if (this.#opened.size + this.#sealed.size > MAX_CACHED_VALUES) this.clear()
  }

  clear(): void {
    this.#opened.clear()
    this.#sealed.clear()
  }
}

/** Maps one value of an encrypted column. */
type MapValue = (value: unknown, context: string) => unknown

/** Returns a function that maps the encrypted values of any record; `mapValueOf` is called with the id of its row. */
function createRecordMapper(columns: EncryptionOptions['columns']) {
  function mapRow<T extends Row | null | undefined>(row: T, table: string, mapValue: MapValue): T {
    const encrypted = row ? columns[table]?.filter((column) => row[column] != null) : undefined
    if (!row || !encrypted || encrypted.length === 0) return row
    const next: Row = { ...row }
    for (const column of encrypted) next[column] = mapValue(row[column], `${table}.${column}`)
    return next as T
  }

  const mapRowRecord = (record: RowRecord, mapValue: MapValue): RowRecord => ({
    ...record,
    row: mapRow(record.row, record.table, mapValue),
    ...(record.base !== undefined && { base: mapRow(record.base, record.table, mapValue) }),
    ...(record.local && { local: mapRow(record.local, record.table, mapValue) }),
  })

  const mapMutation = <M extends QueuedMutation>(mutation: M, mapValue: MapValue): M => ({
    ...mutation,
    ...(mutation.data && { data: mapRow(mutation.data, mutation.table, mapValue) }),
    ...(mutation.old && { old: mapRow(mutation.old, mutation.table, mapValue) }),
    // A plain checksum would allow short values to be guessed.
    ...(mutation.checksum !== undefined && {
      checksum: mapValue(mutation.checksum, `${mutation.table}.checksum`) as string,
    }),
  })

  return function mapRecord<T>(
    store: StoreName,
    record: T,
    mapValueOf: (id: string) => MapValue,
  ): T {
    const row = (each: RowRecord): RowRecord =>
      columns[each.table] ? mapRowRecord(each, mapValueOf(each.id)) : each
    const mutation = <M extends QueuedMutation>(each: M): M =>
      columns[each.table] ? mapMutation(each, mapValueOf(each.id)) : each
    const any = record as unknown
    if (store === 'rows') return row(any as RowRecord) as T
    if (store === 'queue' || store === 'failed') return mutation(any as QueuedMutation) as T
    if (store === 'damaged') {
      const damaged = any as DamagedRecord
      if (typeof damaged.content !== 'object' || damaged.content === null) return record
      const content = mapRecord(damaged.store as StoreName, damaged.content, mapValueOf)
      return { ...damaged, content } as T
    }
    if (store !== 'meta' || !(any as { name: string }).name.startsWith('detached:')) return record
    const detached = any as DetachedAccountRecord
    return {
      ...detached,
      queue: detached.queue.map(mutation),
      failed: detached.failed.map(mutation),
      rows: detached.rows.map(row),
    } as T
  }
}
