import { deviceOf } from '../../database/meta.ts'
import { applyMutation, baseRow, rebase } from '../../database/rebase.ts'
import type { WriteTransaction } from '../../database/write-transaction.ts'
import { contentSize } from '../../model/mutation.ts'
import type { FailedMutation, QueuedMutation, RowRecord } from '../../model/records.ts'
import { editableColumns, type Row } from '../../model/row.ts'
import type { Transaction } from '../../storage/contract.ts'
import { type Clock, timestamp } from '../../util/clock.ts'
import { groupBy } from '../../util/group-by.ts'
import { sameJson } from '../../util/json.ts'
import { omit } from '../../util/omit.ts'

/** What `repair` changed. */
export interface Repaired {
  /** Number of unreadable edits that were moved from the queue to the rejected edits. */
  setAside: number
  /** Number of edits that were missing in the queue and were made again from their rows. */
  rebuilt: number
  /** Number of rows that were unreadable or did not agree with their queued edits. */
  rows: number
}

/** Rows by the mutations that they need. */
interface RepairedRows {
  kept: RowRecord[]
  dropped: RowRecord[]
  /** Mutations that were missing in the queue. */
  rebuilt: QueuedMutation[]
  /** Number of rows that were unreadable or did not agree with their queued mutations. */
  count: number
  /** The last `seq` that was assigned. */
  seq: number
}

/**
 * Repairs the store without the server: rejects unreadable mutations, makes rows agree with their queued mutations, and
 * makes mutations that are missing in the queue again from the rows that the app sees.
 */
export async function repairStore(transaction: WriteTransaction, clock: Clock): Promise<Repaired> {
  const { tx, putRows, dropRows } = transaction
  const device = await deviceOf(tx)
  const queue = await tx.scan('queue')
  const readable = queue.filter(isMutation)
  const unreadable = queue.filter((mutation) => !isMutation(mutation))
  await rejectUnreadable(tx, unreadable, clock)
  const seqs = [device.seq, device.sentSeq, ...seqsOf(queue), ...seqsOf(await tx.scan('failed'))]
  const lastSeq = seqs.reduce((highest, seq) => Math.max(highest, seq), 0)
  const { kept, dropped, rebuilt, count, seq } = await repairRows(transaction, readable, lastSeq)
  await tx.putMany('queue', rebuilt)
  await putRows(kept)
  await dropRows(dropped)
  const { inFlight } = device
  const isInFlight = inFlight && readable.some((mutation) => mutation.seq <= inFlight.lastSeq)
  await tx.putMany('meta', [{ ...(isInFlight ? device : omit(device, 'inFlight')), seq }])
  return { setAside: unreadable.length, rebuilt: rebuilt.length, rows: count }
}

const OPS = new Set<unknown>(['put', 'patch', 'delete'])

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a record of the queue has the fields of a mutation. */
function isMutation(record: QueuedMutation): boolean {
  const { table, id, op, data } = record as Partial<QueuedMutation>
  return (
    typeof table === 'string' &&
    typeof id === 'string' &&
    OPS.has(op) &&
    (op === 'delete' || isRow(data))
  )
}

const seqsOf = (mutations: readonly { seq: number }[]): number[] =>
  mutations.map(({ seq }) => seq).filter((seq) => Number.isSafeInteger(seq))

/** Moves unreadable mutations from the queue to the rejected ones. */
async function rejectUnreadable(
  tx: Transaction,
  mutations: readonly QueuedMutation[],
  clock: Clock,
): Promise<void> {
  const failed = mutations.map((mutation): FailedMutation => ({
    ...mutation,
    error: { code: 'malformed', message: 'The edit was damaged on this device.' },
    attempts: 0,
    failed_at: timestamp(clock),
  }))
  await tx.putMany('failed', failed)
  await tx.deleteMany(
    'queue',
    mutations.map(({ seq }) => seq),
  )
}

const rowKey = ({ table, id }: Pick<RowRecord, 'table' | 'id'>): string => `${table}\n${id}`

/** Finds the rows that do not agree with the queued mutations, and the mutations that are missing in the queue. */
async function repairRows(
  { tx, at }: WriteTransaction,
  queued: readonly QueuedMutation[],
  lastSeq: number,
): Promise<RepairedRows> {
  const mutationsByRow = groupBy(queued, rowKey)
  const result: RepairedRows = { kept: [], dropped: [], rebuilt: [], count: 0, seq: lastSeq }
  const replace = (record: RowRecord, next: RowRecord | undefined): void => {
    result.count++
    if (next) result.kept.push(next)
    else result.dropped.push(record)
  }
  for (const record of await tx.scan('rows')) {
    const mutations = mutationsByRow.get(rowKey(record)) ?? []
    mutationsByRow.delete(rowKey(record))
    const base = baseRow(record) ?? null
    if (!(record.row === null || isRow(record.row)) || !(base === null || isRow(base))) {
      replace(record, rebase({ ...record, version: null }, null, mutations))
      continue
    }
    const missing = missingMutation(record, base, mutations)
    if (missing) {
      const seq = ++result.seq
      const mutation = { ...missing, seq, edited_at: at, size: contentSize(missing) }
      result.rebuilt.push(mutation)
      mutations.push(mutation)
    }
    const agrees =
      (record.queued ?? 0) === mutations.length &&
      mutations.length > 0 === (record.base !== undefined)
    if (agrees) continue
    // A row that the server does not have consists of its mutations alone.
    const isOwnInsert = record.version === null && missing?.op === 'put'
    replace(record, rebase(record, isOwnInsert ? null : base, mutations))
  }
  for (const mutations of mutationsByRow.values()) {
    const { table, id } = mutations[0]!
    result.count++
    result.kept.push(rebase({ table, id, version: null }, null, mutations)!)
  }
  return result
}

/**
 * The mutation that is missing in the queue: it turns the server's row with the queued mutations into the row that the
 * app sees. Undefined where these are equal.
 */
function missingMutation(
  { table, id, row, version }: RowRecord,
  base: Row | null,
  mutations: readonly QueuedMutation[],
): Omit<QueuedMutation, 'seq' | 'edited_at' | 'size'> | undefined {
  const target = { table, id, base: version }
  // A row without a version and without a mutation was inserted on this device.
  if (version === null && mutations.length === 0)
    return row ? { ...target, op: 'put', data: editableColumns(row) } : undefined
  const expected = mutations.reduce(applyMutation, base)
  if (row === null) return expected ? { ...target, op: 'delete' } : undefined
  const data = editableColumns(row)
  if (expected === null) return mutations.length > 0 ? undefined : { ...target, op: 'put', data }
  const changed = Object.keys(data).filter(
    (column) => !sameJson(data[column], expected[column] ?? null),
  )
  if (changed.length === 0) return undefined
  const changedColumnsOf = (from: Row): Row =>
    Object.fromEntries(changed.map((column) => [column, from[column] ?? null]))
  return {
    ...target,
    op: 'patch',
    data: changedColumnsOf(data),
    old: changedColumnsOf(expected),
  }
}
