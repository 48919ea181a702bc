import { ValidationError } from '../model/errors.ts'
import { apply, baseOf, same, seen } from '../model/row.ts'
import type { Row } from '../model/row.ts'
import type { DeviceRecord, QueuedEdit, RowRecord, Transaction } from '../storage/contract.ts'
import { deviceOf } from './store.ts'
import type { Draft } from './store.ts'

/** An edit as the app asks for it. */
export interface Edit {
  table: string
  op: QueuedEdit['op']
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

/** Characters of an edit's content as JSON. */
export const sizeOf = ({ data, old }: Pick<QueuedEdit, 'data' | 'old'>): number =>
  (data ? JSON.stringify(data).length : 0) + (old ? JSON.stringify(old).length : 0)

type Content = Pick<QueuedEdit, 'op' | 'data' | 'old'>

/** What an edit changes in a row as it stands; of a patch only the columns that say something new. */
function contentOf(op: Edit['op'], data: Row = {}, row: Row | null): Content | undefined {
  if (op === 'put') return { op, data }
  if (op === 'delete') return row ? { op } : undefined
  const columns = Object.keys(data).filter((column) => !same(row?.[column] ?? null, data[column]))
  if (columns.length === 0) return undefined
  return {
    op,
    data: Object.fromEntries(columns.map((column) => [column, data[column]])),
    old: Object.fromEntries(columns.map((column) => [column, row?.[column] ?? null])),
  }
}

/**
 * Two edits of a row as one. The first has not been sent; it keeps its place, its base and what its
 * columns were before. Null where the row was made and removed again without the server hearing of it.
 * Undefined where they have to stay two: made on another version, of other columns, each is compared with
 * what others did since its own.
 */
export function squash(
  first: QueuedEdit,
  then: Content & Pick<QueuedEdit, 'base'>,
  record: RowRecord,
): QueuedEdit | null | undefined {
  const { seq, table, id, base, edited_at, rank } = first
  const common = { seq, table, id, base, edited_at, size: 0, ...(rank !== undefined && { rank }) }
  if (then.op === 'delete') {
    const unknown = first.op === 'put' && record.edits === 1 && !record.base && base === null
    return unknown ? null : { ...common, op: 'delete', base: base ?? record.version }
  }
  if (then.op === 'put') return { ...common, op: 'put', ...(then.data && { data: then.data }) }
  const data = { ...first.data, ...then.data }
  if (first.op === 'put') return { ...common, op: 'put', data }
  if (
    then.base !== base &&
    !Object.keys({ ...then.data }).some((column) => column in (first.data ?? {}))
  )
    return undefined
  return { ...common, op: 'patch', data, old: { ...then.old, ...first.old } }
}

/**
 * The one way an edit of the app gets in: changes the rows and puts the edits into the queue, in the
 * caller's transaction. Resolves to the rows as they now are, null for a removed one. An insert of a row
 * that is there throws `exists`, an update of one that is not throws `not_found`; removing what is not
 * there does nothing.
 */
export async function enqueue(
  { tx, at: edited_at, put, drop }: Draft,
  edits: readonly Edit[],
): Promise<(Row | null)[]> {
  const device = await deviceOf(tx)
  const keys = edits.map(({ table, id }) => [table, id] as const)
  const held = await tx.getMany('rows', keys)
  const inserted = new Set<string>()
  const records: RowRecord[] = []
  const queued: QueuedEdit[] = []
  const results: (Row | null)[] = []
  let { seq } = device

  for (const [place, { table, id, rank = 0, orPut, local, ...asked }] of edits.entries()) {
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
      results.push(seen(record))
      continue
    }
    const before = record.edits ? await tx.scan('queue', { index: 'row', equals: [table, id] }) : []
    const last = before.at(-1)
    const asMade = { ...content, base: record.version }
    const one = last && last.seq > device.sent && squash(last, asMade, record)
    if (one === null) {
      await tx.deleteMany('queue', [last!.seq])
      await drop([record])
      results.push(null)
      continue
    }
    // A removal goes after what was queued since: other rows may have to leave this one first.
    const fresh = !one || (op === 'delete' && last!.seq < seq)
    const edit = fresh ? { ...asMade, seq: ++seq, table, id, edited_at, size: 0 } : one
    // A row that comes back before its removal was sent never left: it keeps the columns not given.
    const row =
      op === 'put' && !fresh
        ? [...before.slice(0, -1), edit].reduce(apply, baseOf(record))
        : apply(record.row, content)
    records.push({
      ...record,
      row,
      base: baseOf(record),
      edits: before.length + (fresh ? 1 : 0),
    })
    const urgency = Math.min(rank, edit.rank ?? rank)
    queued.push({ ...edit, edited_at, size: sizeOf(edit), ...(urgency !== 0 && { rank: urgency }) })
    if (op === 'put') inserted.add(`${table}\n${id}`)
    results.push(seen({ ...record, row }))
  }

  await put(records)
  await tx.putMany('queue', queued)
  await admit(tx, device, seq, queued)
  return results
}

/** Notes the last number given out, and whether the queue may have to be put in another order. */
export async function admit(
  tx: Transaction,
  device: DeviceRecord,
  seq: number,
  queued: readonly QueuedEdit[],
): Promise<void> {
  let { least = 0, unordered = false, seq: last } = device
  for (const { rank = 0, seq } of queued) {
    // One that kept its place may have come to need what was queued since.
    unordered ||= rank < least || seq < last
    least = Math.max(least, rank)
    last = Math.max(last, seq)
  }
  const next: DeviceRecord = {
    ...device,
    seq,
    ...(least !== 0 && { least }),
    ...(unordered && { unordered }),
  }
  if (!same(next, device)) await tx.putMany('meta', [next])
}
