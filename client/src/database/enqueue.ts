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

/** A mutation as the app asks for it. */
export interface LocalWrite {
  table: string
  op: QueuedMutation['op']
  id: string
  /** The row (`put`) or the columns to change (`patch`). */
  data?: Row
  /** The row to put where the one to change is not there (`patch`). */
  orPut?: Row
  /** Columns that stay on this device. */
  local?: Row
  /** How urgent it is: lower goes out first. Absent means 0. */
  rank?: number
}

/** What a mutation changes in a row as it stands; of a patch only the columns that say something new. */
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

/**
 * The one way a mutation of the app gets in: changes the rows and puts the writes into the queue, in the
 * caller's transaction. Resolves to the rows as they now are, null for a removed one. An insert of a row
 * that is there throws `exists`, an update of one that is not throws `not_found`; removing what is not
 * there does nothing.
 */
export async function enqueue(
  { tx, at: edited_at, putRows, dropRows }: WriteTransaction,
  writes: readonly LocalWrite[],
): Promise<(Row | null)[]> {
  const device = await deviceOf(tx)
  const keys = writes.map(({ table, id }) => [table, id] as const)
  const held = await tx.getMany('rows', keys)
  const inserted = new Set<string>()
  const records: RowRecord[] = []
  const queued: QueuedMutation[] = []
  const results: (Row | null)[] = []
  let { seq } = device

  for (const [place, { table, id, rank = 0, orPut, local, ...asked }] of writes.entries()) {
    const found = held[place] ?? { table, id, row: null, version: null }
    const record = local ? { ...found, local: { ...found.local, ...local } } : found
    const create = asked.op === 'patch' && !record.row && orPut !== undefined
    const { op, data } = create ? { op: 'put' as const, data: orPut } : asked
    if (op === 'put' && (record.row || inserted.has(`${table}\n${id}`)))
      throw new ValidationError({ code: 'exists', message: `${table} has a row ${id} already.` })
    if (op === 'patch' && !record.row)
      throw new ValidationError({ code: 'not_found', message: `${table} has no row ${id}.` })

    const content = contentOf(op, data, record.row)
    if (!content) {
      if (local) records.push(record)
      results.push(visibleRow(record))
      continue
    }
    const before = record.queued
      ? await tx.scan('queue', { index: 'row', equals: [table, id] })
      : []
    const last = before.at(-1)
    const asMade = { ...content, base: record.version }
    const one = last && last.seq > device.sentSeq && squash(last, asMade, record)
    if (one === null) {
      await tx.deleteMany('queue', [last!.seq])
      await dropRows([record])
      results.push(null)
      continue
    }
    // A removal goes after what was queued since: other rows may have to leave this one first.
    const fresh = !one || (op === 'delete' && last!.seq < seq)
    const mutation = fresh ? { ...asMade, seq: ++seq, table, id, edited_at, size: 0 } : one
    // A row that comes back before its removal was sent never left: it keeps the columns not given.
    const row =
      op === 'put' && !fresh
        ? [...before.slice(0, -1), mutation].reduce(applyMutation, baseRow(record))
        : applyMutation(record.row, content)
    records.push({
      ...record,
      row,
      base: baseRow(record),
      queued: before.length + (fresh ? 1 : 0),
    })
    const urgency = Math.min(rank, mutation.rank ?? rank)
    queued.push({
      ...mutation,
      edited_at,
      size: contentSize(mutation),
      ...(urgency !== 0 && { rank: urgency }),
    })
    if (op === 'put') inserted.add(`${table}\n${id}`)
    results.push(visibleRow({ ...record, row }))
  }

  await putRows(records)
  await tx.putMany('queue', queued)
  await noteQueued(tx, device, seq, queued)
  return results
}

/** Notes the last number given out, and whether the queue may have to be put in another order. */
export async function noteQueued(
  tx: Transaction,
  device: DeviceRecord,
  seq: number,
  queued: readonly QueuedMutation[],
): Promise<void> {
  let { lowestPriority = 0, needsReorder = false, seq: last } = device
  for (const { rank = 0, seq } of queued) {
    // One that kept its place may have come to need what was queued since.
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
