import { ValidationError } from '../model/errors.ts'
import { type Content, contentSize } from '../model/mutation.ts'
import type { DeviceRecord, QueuedMutation, RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Transaction } from '../storage/contract.ts'
import { sameJson } from '../util/json.ts'
import { deviceOf } from './meta.ts'
import { applyMutation, baseRow, visibleRow } from './rebase.ts'
import { squash } from './squash.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** A write of the app, before it becomes a mutation. */
export interface LocalWrite {
  table: string
  op: QueuedMutation['op']
  id: string
  /** The row (`put`) or the columns to change (`patch`). */
  data?: Row
  /** The row to insert where the row to change is missing (`patch`). */
  orPut?: Row
  /** Columns that stay on this device. */
  local?: Row
  /** Priority as a number: lower ranks are sent first. Absent means 0. */
  rank?: number
}

/** What one write changes. */
interface WriteEffect {
  /** The row that the app sees after the write; null where it is removed. */
  row: Row | null
  /** The record to store; absent where nothing changes, or where the record is dropped. */
  record?: RowRecord
  /** The mutation to queue: a new one, or a queued one that now contains the write. */
  mutation?: QueuedMutation
  /** `seq` of the insert that a removal cancels: row and insert are deleted. */
  cancelled?: number
}

/**
 * Changes rows and queues the mutations, in the caller's transaction; every write of the app passes through here.
 * Resolves to the rows after the writes, null for a removed one. An insert of a row that exists throws `exists`, an
 * update of a missing row throws `not_found`, the removal of a missing row does nothing.
 */
export async function enqueue(
  { tx, at: edited_at, putRows, dropRows }: WriteTransaction,
  writes: readonly LocalWrite[],
): Promise<(Row | null)[]> {
  const device = await deviceOf(tx)
  const keys = writes.map(({ table, id }) => [table, id] as const)
  const storedRecords = await tx.getMany('rows', keys)
  const inserted = new Set<string>()
  const records: RowRecord[] = []
  const queued: QueuedMutation[] = []
  const results: (Row | null)[] = []
  let { seq } = device

  for (const [index, write] of writes.entries()) {
    const { table, id, rank = 0 } = write
    const stored = storedRecords[index] ?? { table, id, row: null, version: null }
    const insertInstead = write.op === 'patch' && !stored.row && write.orPut !== undefined
    const { op, data } = insertInstead ? { op: 'put' as const, data: write.orPut } : write
    if (op === 'put' && (stored.row || inserted.has(`${table}\n${id}`)))
      throw new ValidationError({ code: 'exists', message: `${table} has a row ${id} already.` })
    if (op === 'patch' && !stored.row)
      throw new ValidationError({ code: 'not_found', message: `${table} has no row ${id}.` })

    const effect = await effectOf(tx, { ...write, op, data }, stored, { device, seq, edited_at })
    results.push(effect.row)
    if (effect.record) records.push(effect.record)
    if (effect.cancelled !== undefined) {
      await tx.deleteMany('queue', [effect.cancelled])
      await dropRows([stored])
    }
    if (!effect.mutation) continue
    seq = Math.max(seq, effect.mutation.seq)
    const lowestRank = Math.min(rank, effect.mutation.rank ?? rank)
    queued.push({
      ...effect.mutation,
      edited_at,
      size: contentSize(effect.mutation),
      ...(lowestRank !== 0 && { rank: lowestRank }),
    })
    if (op === 'put') inserted.add(`${table}\n${id}`)
  }

  await putRows(records)
  await tx.putMany('queue', queued)
  await noteQueued(tx, device, seq, queued)
  return results
}

/**
 * Combines a write with the last mutation of its row, where that one is pending and both can be one; otherwise makes
 * a new mutation. Applies the result to the row.
 */
async function effectOf(
  tx: Transaction,
  {
    table,
    op,
    id,
    data,
    local,
  }: Pick<LocalWrite, 'table' | 'op' | 'id' | 'local'> & { data?: Row | undefined },
  stored: RowRecord,
  { device, seq, edited_at }: { device: DeviceRecord; seq: number; edited_at: string },
): Promise<WriteEffect> {
  const record = local ? { ...stored, local: { ...stored.local, ...local } } : stored
  const content = contentOf(op, data, record.row)
  if (!content) return { row: visibleRow(record), ...(local && { record }) }
  const earlier = record.queued ? await tx.scan('queue', { index: 'row', equals: [table, id] }) : []
  const last = earlier.at(-1)
  const contentWithBase = { ...content, base: record.version }
  const squashed = last && last.seq > device.sentSeq && squash(last, contentWithBase, record)
  if (squashed === null) return { row: null, cancelled: last!.seq }
  // A removal is queued last: mutations queued since may have to take their references from the row first.
  const isNew = !squashed || (op === 'delete' && last!.seq < seq)
  const mutation = isNew
    ? { ...contentWithBase, seq: seq + 1, table, id, edited_at, size: 0 }
    : squashed
  // An insert that replaces a pending removal keeps the columns that it does not give.
  const row =
    op === 'put' && !isNew
      ? [...earlier.slice(0, -1), mutation].reduce(applyMutation, baseRow(record))
      : applyMutation(record.row, content)
  return {
    row: visibleRow({ ...record, row }),
    record: {
      ...record,
      row,
      base: baseRow(record),
      queued: earlier.length + (isNew ? 1 : 0),
    },
    mutation,
  }
}

/** The content of a mutation; of a patch only the columns whose values change. Undefined where nothing changes. */
function contentOf(op: LocalWrite['op'], data: Row = {}, row: Row | null): Content | undefined {
  if (op === 'put') return { op, data }
  if (op === 'delete') return row ? { op } : undefined
  const columns = Object.keys(data).filter(
    (column) => !sameJson(row?.[column] ?? null, data[column]),
  )
  if (columns.length === 0) return undefined
  return {
    op,
    data: Object.fromEntries(columns.map((column) => [column, data[column]])),
    old: Object.fromEntries(columns.map((column) => [column, row?.[column] ?? null])),
  }
}

/** Stores the last `seq` that was assigned, and whether the queue may need another order. */
export async function noteQueued(
  tx: Transaction,
  device: DeviceRecord,
  seq: number,
  queued: readonly QueuedMutation[],
): Promise<void> {
  let { lowestPriority = 0, needsReorder = false, seq: last } = device
  for (const { rank = 0, seq } of queued) {
    // A squashed mutation keeps its `seq`, and may now depend on a mutation that was queued after it.
    needsReorder ||= rank < lowestPriority || seq < last
    lowestPriority = Math.max(lowestPriority, rank)
    last = Math.max(last, seq)
  }
  const next: DeviceRecord = {
    ...device,
    seq,
    ...(lowestPriority !== 0 && { lowestPriority }),
    ...(needsReorder && { needsReorder }),
  }
  if (!sameJson(next, device)) await tx.putMany('meta', [next])
}
