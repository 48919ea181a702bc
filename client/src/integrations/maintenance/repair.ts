import { deviceOf } from '../../database/meta.ts'
import type { WriteTransaction } from '../../database/write-transaction.ts'
import { contentSize } from '../../model/mutation.ts'
import type { FailedMutation, QueuedMutation, RowRecord } from '../../model/records.ts'
import { applyMutation, baseRow, editable, rebase, type Row } from '../../model/row.ts'
import { type Clock, timestamp } from '../../util/clock.ts'
import { groupBy } from '../../util/group-by.ts'
import { sameJson } from '../../util/json.ts'
import { omit } from '../../util/omit.ts'

/** What was put right. */
export interface Repaired {
  /** Edits that cannot be read, set aside with what there is of them. */
  setAside: number
  /** Edits made again from what their rows show: they had been lost from the queue. */
  rebuilt: number
  /** Rows that could not be read, or did not fit what waits for them. */
  rows: number
}

const OPS = new Set<unknown>(['put', 'patch', 'delete'])

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isEdit(edit: QueuedMutation): boolean {
  const { table, id, op, data } = edit as Partial<QueuedMutation>
  return (
    typeof table === 'string' &&
    typeof id === 'string' &&
    OPS.has(op) &&
    (op === 'delete' || isRow(data))
  )
}

/**
 * Brings the store back in order without the server: rows agree with the edits that wait for them, edits
 * that got lost are made again from what the app sees, and what cannot be read is out of the way.
 */
export async function repairStore(draft: WriteTransaction, clock: Clock): Promise<Repaired> {
  const { tx, at, putRows, dropRows } = draft
  const result: Repaired = { setAside: 0, rebuilt: 0, rows: 0 }
  const device = await deviceOf(tx)
  const all = await tx.scan('queue')
  const damaged = all.filter((edit) => !isEdit(edit))
  const byRow = groupBy(all.filter(isEdit), ({ table, id }) => `${table}\n${id}`)
  const failed = damaged.map((edit): FailedMutation => ({
    ...edit,
    error: { code: 'malformed', message: 'The edit was damaged on this device.' },
    attempts: 0,
    failed_at: timestamp(clock),
  }))
  result.setAside = damaged.length
  await tx.putMany('failed', failed)
  await tx.deleteMany(
    'queue',
    damaged.map(({ seq }) => seq),
  )

  const seqs = [device.seq, device.sentSeq, ...seqsOf(all), ...seqsOf(await tx.scan('failed'))]
  let seq = seqs.reduce((highest, one) => Math.max(highest, one), 0)
  const made: QueuedMutation[] = []
  const records: RowRecord[] = []
  const gone: RowRecord[] = []
  for (const record of await tx.scan('rows')) {
    const key = `${record.table}\n${record.id}`
    const edits = byRow.get(key) ?? []
    byRow.delete(key)
    const readable = record.row === null || isRow(record.row)
    const base = baseRow(record) ?? null
    if (!readable || !(base === null || isRow(base))) {
      result.rows++
      const next = rebase({ ...record, version: null }, null, edits)
      if (next) records.push(next)
      else gone.push(record)
      continue
    }
    const lost = lostEdit(record, base, edits)
    if (lost) {
      const edit = { ...lost, seq: ++seq, edited_at: at, size: contentSize(lost) }
      made.push(edit)
      edits.push(edit)
    }
    const fits =
      (record.queued ?? 0) === edits.length && edits.length > 0 === (record.base !== undefined)
    if (fits) continue
    result.rows++
    // A row that nobody but this device knows is what its edits make of nothing.
    const next = rebase(record, record.version === null && lost?.op === 'put' ? null : base, edits)
    if (next) records.push(next)
    else gone.push(record)
  }
  for (const edits of byRow.values()) {
    const { table, id } = edits[0]!
    result.rows++
    records.push(rebase({ table, id, version: null }, null, edits)!)
  }
  result.rebuilt = made.length
  await tx.putMany('queue', made)
  await putRows(records)
  await dropRows(gone)
  const { inFlight } = device
  const flying = inFlight && all.some((edit) => isEdit(edit) && edit.seq <= inFlight.lastSeq)
  await tx.putMany('meta', [{ ...(flying ? device : omit(device, 'inFlight')), seq }])
  return result
}

const seqsOf = (edits: readonly { seq: number }[]): number[] =>
  edits.map(({ seq }) => seq).filter((seq) => Number.isSafeInteger(seq))

type Lost = Omit<QueuedMutation, 'seq' | 'edited_at' | 'size'>

/** The edit that makes what the app sees of what the server and the queue say; none where they agree. */
function lostEdit(
  { table, id, row, version }: RowRecord,
  base: Row | null,
  edits: readonly QueuedMutation[],
): Lost | undefined {
  const edit = { table, id, base: version }
  // Neither the server nor the queue knows of it.
  if (version === null && edits.length === 0)
    return row ? { ...edit, op: 'put', data: editable(row) } : undefined
  const expected = edits.reduce(applyMutation, base)
  if (row === null) return expected ? { ...edit, op: 'delete' } : undefined
  const data = editable(row)
  if (expected === null) return edits.length > 0 ? undefined : { ...edit, op: 'put', data }
  const changed = Object.keys(data).filter(
    (column) => !sameJson(data[column], expected[column] ?? null),
  )
  if (changed.length === 0) return undefined
  const pick = (from: Row): Row =>
    Object.fromEntries(changed.map((column) => [column, from[column] ?? null]))
  return { ...edit, op: 'patch', data: pick(data), old: pick(expected) }
}
