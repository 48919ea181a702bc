import { StorageError } from '../model/errors.ts'
import type { DamagedRecord, QueuedMutation, RowRecord, StoreName } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { SyncStorage, Transaction } from './contract.ts'

/**
 * Encrypts and decrypts texts. `context` names the place (`table.column`): a good cipher binds the two, so that a
 * sealed text is of no use elsewhere.
 */
export interface Cipher {
  seal(text: string, context: string): Promise<string>
  /** Rejects where `sealed` is not what `seal` made with this key and context. */
  open(sealed: string, context: string): Promise<string>
}

export interface EncryptionOptions {
  cipher: Cipher
  /** Which columns of which tables. The primary key stays readable. */
  columns: Readonly<Record<string, readonly string[]>>
}

/** What stands in a record in place of a value. */
interface Sealed {
  $sealed: string
}

const isSealed = (value: unknown): value is Sealed =>
  typeof value === 'object' && value !== null && typeof (value as Sealed).$sealed === 'string'

/** A value that is needed before a transaction can go on. */
type Need = { context: string; key: string } & ({ seal: string } | { open: string })

/** Thrown to leave a transaction that needs values which only time can give. */
class Needs extends Error {
  readonly needs: readonly Need[]

  constructor(needs: readonly Need[]) {
    super('values to seal or open')
    this.needs = needs
  }
}

/** Values that are kept once they have been sealed or opened. */
const KEPT = 50_000

/**
 * Keeps the values of chosen columns encrypted in `storage`, in rows and in queued mutations; everything above
 * sees them as they are. Filters and orders of lists work as always, since they look at rows that have been
 * read.
 *
 * A storage's transaction waits for nothing but itself, and a cipher takes time. So a transaction that meets a
 * value it has not got is left without a trace, and run again once it is there, until it has them all: its
 * body comes to the same each time, see `Store.write`. Plain values are held in memory only.
 */
export function encryptedStorage(
  storage: SyncStorage,
  { cipher, columns }: EncryptionOptions,
): SyncStorage {
  const opened = new Map<string, unknown>()
  const sealed = new Map<string, Sealed>()
  let running = 0

  /** `row` with the values of secret columns changed by `change`. */
  function mapRow<T extends Row | null | undefined>(
    row: T,
    table: string,
    change: (value: unknown, context: string) => unknown,
  ): T {
    const secret = row ? columns[table]?.filter((column) => row[column] != null) : undefined
    if (!row || !secret || secret.length === 0) return row
    const next: Row = { ...row }
    for (const column of secret) next[column] = change(row[column], `${table}.${column}`)
    return next as T
  }

  type Change = (value: unknown, context: string) => unknown

  const mapRecord = (record: RowRecord, change: Change): RowRecord => ({
    ...record,
    row: mapRow(record.row, record.table, change),
    ...(record.base !== undefined && { base: mapRow(record.base, record.table, change) }),
    ...(record.local && { local: mapRow(record.local, record.table, change) }),
  })

  const mapEdit = <E extends QueuedMutation>(mutation: E, change: Change): E => ({
    ...mutation,
    ...(mutation.data && { data: mapRow(mutation.data, mutation.table, change) }),
    ...(mutation.old && { old: mapRow(mutation.old, mutation.table, change) }),
    // Short values could be guessed by it.
    ...(mutation.checksum !== undefined && {
      checksum: change(mutation.checksum, `${mutation.table}.checksum`) as string,
    }),
  })

  /** Any record, with `changeOf` telling what to do for the row that it is about. */
  function mapAny<T>(store: StoreName, record: T, changeOf: (id: string) => Change): T {
    const any = record as unknown
    const known = ({ store: from, content }: DamagedRecord): unknown =>
      mapAny(from as StoreName, content, changeOf)
    const row = (held: RowRecord): RowRecord =>
      columns[held.table] ? mapRecord(held, changeOf(held.id)) : held
    const mutation = <E extends QueuedMutation>(queued: E): E =>
      columns[queued.table] ? mapEdit(queued, changeOf(queued.id)) : queued
    if (store === 'rows') return row(any as RowRecord) as T
    if (store === 'queue' || store === 'failed') return mutation(any as QueuedMutation) as T
    if (store === 'damaged') {
      const damaged = any as DamagedRecord
      const whole = typeof damaged.content === 'object' && damaged.content !== null
      return (whole ? { ...damaged, content: known(damaged) } : damaged) as T
    }
    if (store !== 'meta' || !(any as { name: string }).name.startsWith('detached:')) return record
    const detached = any as { queue: QueuedMutation[]; failed: QueuedMutation[]; rows: RowRecord[] }
    return {
      ...detached,
      queue: detached.queue.map(mutation),
      failed: detached.failed.map(mutation),
      rows: detached.rows.map(row),
    } as T
  }

  function openAll<T>(store: StoreName, records: readonly T[]): T[] {
    const needs: Need[] = []
    const result = records.map((record) =>
      record === undefined
        ? record
        : mapAny(store, record, () => (value, context) => {
            if (!isSealed(value)) return value
            const key = `${context}\n${value.$sealed}`
            if (!opened.has(key)) needs.push({ context, key, open: value.$sealed })
            return opened.get(key)
          }),
    )
    if (needs.length > 0) throw new Needs(needs)
    return result
  }

  function sealAll<T>(store: StoreName, records: readonly T[]): T[] {
    const needs: Need[] = []
    const result = records.map((record) =>
      mapAny(store, record, (id) => (value, context) => {
        const text = JSON.stringify(value)
        // Of each row its own, so that equal values do not show as such.
        const key = `${context}\n${id}\n${text}`
        if (!sealed.has(key)) needs.push({ context, key, seal: text })
        return sealed.get(key)
      }),
    )
    if (needs.length > 0) throw new Needs(needs)
    return result
  }

  const wrap = (tx: Transaction): Transaction => ({
    ...tx,
    get: async (store, key) => openAll(store, [await tx.get(store, key)])[0],
    getMany: async (store, keys) => openAll(store, await tx.getMany(store, keys)),
    scan: async (store, query) => openAll(store, await tx.scan(store, query)),
    putMany: (store, records) => tx.putMany(store, sealAll(store, records)),
  })

  async function meet(need: Need): Promise<void> {
    const { context, key } = need
    if ('seal' in need) {
      const $sealed = await cipher.seal(need.seal, context)
      sealed.set(key, { $sealed })
      opened.set(`${context}\n${$sealed}`, JSON.parse(need.seal))
      return
    }
    try {
      opened.set(key, JSON.parse(await cipher.open(need.open, context)))
    } catch (cause) {
      throw new StorageError({
        code: 'storage',
        message: `A value of ${context} cannot be decrypted.`,
        hint: 'Is it the key that it was encrypted with? Nothing has been changed.',
        cause,
      })
    }
  }

  return {
    ...storage,
    async transaction(mode, body) {
      // Not while another one may be about to run again with what it has been given.
      if (running === 0 && opened.size + sealed.size > KEPT) {
        opened.clear()
        sealed.clear()
      }
      running++
      try {
        for (;;) {
          try {
            return await storage.transaction(mode, (tx) => body(wrap(tx)))
          } catch (error) {
            if (!(error instanceof Needs)) throw error
            await Promise.all(error.needs.map(meet))
          }
        }
      } finally {
        running--
      }
    },
    async close() {
      opened.clear()
      sealed.clear()
      await storage.close()
    },
  }
}
