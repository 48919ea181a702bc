import { type Damage, StorageError } from '../model/errors.ts'
import type { DeviceRecord, Keys, QueuedMutation, Records, StoreName } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'

/** The stores whose records have a checksum. */
const MUTATION_STORES: ReadonlySet<StoreName> = new Set<StoreName>(['queue', 'failed'])

/**
 * Records whose checksum has been verified. A storage in memory returns the same objects again, and records are
 * never changed, see `Transaction`.
 */
const verifiedRecords = new WeakSet<object>()

/** FNV-1a of a mutation's `seq` and content, as hexadecimal digits: detects what a storage has damaged. */
export function checksumOf(mutation: QueuedMutation): string {
  const { seq, table, op, id, base, data, old, edited_at } = mutation
  const text = JSON.stringify([seq, table, op, id, base, data, old, edited_at])
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** Throws a `StorageError` that names the mutations whose checksum is wrong. */
function assertChecksums<T>(store: StoreName, records: readonly (T | undefined)[]): void {
  const damaged: Damage[] = []
  for (const record of records as readonly (QueuedMutation | undefined)[]) {
    if (record?.checksum === undefined || verifiedRecords.has(record)) continue
    if (record.checksum === checksumOf(record)) verifiedRecords.add(record)
    else damaged.push({ store, key: record.seq, content: record })
  }
  if (damaged.length > 0)
    throw new StorageError({
      code: 'corrupt',
      message: `${damaged.length} records of "${store}" differ from what was written.`,
      damaged,
    })
}

/** A record to store; the device record comes with its `IdentityRecord`. */
function withIdentity<T>(record: T): T[] {
  const { name, id, user } = record as DeviceRecord
  return name === 'device' ? [record, { name: 'identity', id, user } as T] : [record]
}

/** A transaction that stores every mutation with its checksum, and verifies the checksum when it is read. */
export function withChecksums(tx: Transaction): Transaction {
  return {
    ...tx,
    async get<S extends StoreName>(store: S, key: Keys[S]) {
      const record = await tx.get(store, key)
      if (MUTATION_STORES.has(store)) assertChecksums(store, [record])
      return record
    },
    async getMany<S extends StoreName>(store: S, keys: readonly Keys[S][]) {
      const records = await tx.getMany(store, keys)
      if (MUTATION_STORES.has(store)) assertChecksums(store, records)
      return records
    },
    async scan(store, query) {
      const records = await tx.scan(store, query)
      if (MUTATION_STORES.has(store)) assertChecksums(store, records)
      return records
    },
    putMany<S extends StoreName>(store: S, records: readonly Records[S][]) {
      if (!MUTATION_STORES.has(store)) return tx.putMany(store, records.flatMap(withIdentity))
      const mutations = (records as readonly (Records[S] & QueuedMutation)[]).map((mutation) => ({
        ...mutation,
        checksum: checksumOf(mutation),
      }))
      for (const mutation of mutations) verifiedRecords.add(mutation)
      return tx.putMany(store, mutations)
    },
  }
}
