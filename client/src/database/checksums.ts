import { type Damage, StorageError } from '../model/errors.ts'
import type { DeviceRecord, Keys, QueuedMutation, Records, StoreName } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'

const EDITS: ReadonlySet<StoreName> = new Set<StoreName>(['queue', 'failed'])

/**
 * Records that are known to be right, which a storage in memory gives back as they are. Nobody changes a
 * record, see `Transaction`.
 */
const right = new WeakSet<object>()

/** FNV-1a of a mutation's number and content, as hexadecimal digits: notices what storage has mangled. */
export function checksumOf(mutation: QueuedMutation): string {
  const { seq, table, op, id, base, data, old, edited_at } = mutation
  const text = JSON.stringify([seq, table, op, id, base, data, old, edited_at])
  let hash = 0x811c9dc5
  for (let place = 0; place < text.length; place++) {
    hash ^= text.charCodeAt(place)
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** Mutations as they were written; throws an error that names those that are not. */
function verified<T>(store: StoreName, records: readonly (T | undefined)[]): void {
  const bad: Damage[] = []
  for (const record of records as readonly (QueuedMutation | undefined)[]) {
    if (record?.checksum === undefined || right.has(record)) continue
    if (record.checksum === checksumOf(record)) right.add(record)
    else bad.push({ store, key: record.seq, content: record })
  }
  if (bad.length > 0)
    throw new StorageError({
      code: 'corrupt',
      message: `${bad.length} records of "${store}" are not what was written.`,
      damaged: bad,
    })
}

/** The record that says who this device is comes with the one that stands in for it. */
function withTwin<T>(record: T): T[] {
  const { name, id, user } = record as DeviceRecord
  return name === 'device' ? [record, { name: 'identity', id, user } as T] : [record]
}

/** A transaction in which every mutation is stored with its checksum, and read only where that is right. */
export function withChecksums(tx: Transaction): Transaction {
  return {
    ...tx,
    async get<S extends StoreName>(store: S, key: Keys[S]) {
      const record = await tx.get(store, key)
      if (EDITS.has(store)) verified(store, [record])
      return record
    },
    async getMany<S extends StoreName>(store: S, keys: readonly Keys[S][]) {
      const records = await tx.getMany(store, keys)
      if (EDITS.has(store)) verified(store, records)
      return records
    },
    async scan(store, query) {
      const records = await tx.scan(store, query)
      if (EDITS.has(store)) verified(store, records)
      return records
    },
    putMany<S extends StoreName>(store: S, records: readonly Records[S][]) {
      if (!EDITS.has(store)) return tx.putMany(store, records.flatMap(withTwin))
      const mutations = records as readonly (Records[S] & QueuedMutation)[]
      const signed = mutations.map((mutation) => ({ ...mutation, checksum: checksumOf(mutation) }))
      for (const mutation of signed) right.add(mutation)
      return tx.putMany(store, signed)
    },
  }
}
