import { groupBy } from '../../util/group-by.ts'
import { type Clock, timestamp } from '../../util/clock.ts'
import { omit } from '../../util/omit.ts'
import { sizeOf, squash } from '../../database/enqueue.ts'
import { apply, baseOf, editable, same, type Row, stack } from '../../model/row.ts'
import type { FailedEdit, QueuedEdit, RowRecord } from '../../storage/contract.ts'
import { type Draft, deviceOf } from '../../database/store.ts'

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

function isEdit(edit: QueuedEdit): boolean {
  const { table, id, op, data } = edit as Partial<QueuedEdit>
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
export async function repair(draft: Draft, clock: Clock): Promise<Repaired> {
  const { tx, at, put, drop } = draft
  const result: Repaired = { setAside: 0, rebuilt: 0, rows: 0 }
  const device = await deviceOf(tx)
  const all = await tx.scan('queue')
  const damaged = all.filter((edit) => !isEdit(edit))
  const byRow = groupBy(all.filter(isEdit), ({ table, id }) => `${table}\n${id}`)
  const failed = damaged.map((edit): FailedEdit => ({
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

  const seqs = [device.seq, device.sent, ...seqsOf(all), ...seqsOf(await tx.scan('failed'))]
  let seq = seqs.reduce((highest, one) => Math.max(highest, one), 0)
  const made: QueuedEdit[] = []
  const records: RowRecord[] = []
  const gone: RowRecord[] = []
  for (const record of await tx.scan('rows')) {
    const key = `${record.table}\n${record.id}`
    const edits = byRow.get(key) ?? []
    byRow.delete(key)
    const readable = record.row === null || isRow(record.row)
    const base = baseOf(record) ?? null
    if (!readable || !(base === null || isRow(base))) {
      result.rows++
      const next = stack({ ...record, version: null }, null, edits)
      if (next) records.push(next)
      else gone.push(record)
      continue
    }
    const lost = lostEdit(record, base, edits)
    if (lost) {
      const edit = { ...lost, seq: ++seq, edited_at: at, size: sizeOf(lost) }
      made.push(edit)
      edits.push(edit)
    }
    const fits =
      (record.edits ?? 0) === edits.length && edits.length > 0 === (record.base !== undefined)
    if (fits) continue
    result.rows++
    // A row that nobody but this device knows is what its edits make of nothing.
    const next = stack(record, record.version === null && lost?.op === 'put' ? null : base, edits)
    if (next) records.push(next)
    else gone.push(record)
  }
  for (const edits of byRow.values()) {
    const { table, id } = edits[0]!
    result.rows++
    records.push(stack({ table, id, version: null }, null, edits)!)
  }
  result.rebuilt = made.length
  await tx.putMany('queue', made)
  await put(records)
  await drop(gone)
  const { flight } = device
  const flying = flight && all.some((edit) => isEdit(edit) && edit.seq <= flight.to)
  await tx.putMany('meta', [{ ...(flying ? device : omit(device, 'flight')), seq }])
  return result
}

const seqsOf = (edits: readonly { seq: number }[]): number[] =>
  edits.map(({ seq }) => seq).filter((seq) => Number.isSafeInteger(seq))

type Lost = Omit<QueuedEdit, 'seq' | 'edited_at' | 'size'>

/** The edit that makes what the app sees of what the server and the queue say; none where they agree. */
function lostEdit(
  { table, id, row, version }: RowRecord,
  base: Row | null,
  edits: readonly QueuedEdit[],
): Lost | undefined {
  const edit = { table, id, base: version }
  // Neither the server nor the queue knows of it.
  if (version === null && edits.length === 0)
    return row ? { ...edit, op: 'put', data: editable(row) } : undefined
  const expected = edits.reduce(apply, base)
  if (row === null) return expected ? { ...edit, op: 'delete' } : undefined
  const data = editable(row)
  if (expected === null) return edits.length > 0 ? undefined : { ...edit, op: 'put', data }
  const changed = Object.keys(data).filter(
    (column) => !same(data[column], expected[column] ?? null),
  )
  if (changed.length === 0) return undefined
  const pick = (from: Row): Row =>
    Object.fromEntries(changed.map((column) => [column, from[column] ?? null]))
  return { ...edit, op: 'patch', data: pick(data), old: pick(expected) }
}

/**
 * Makes one edit of those of a row that were not sent and can be one. The app's own edits are
 * squashed as they come in; what was retried, restored or rebuilt is not. Resolves to how many fewer
 * there are.
 */
export async function optimize({ tx, put, drop }: Draft): Promise<number> {
  const device = await deviceOf(tx)
  const { sent } = device
  const rows = groupBy(
    (await tx.scan('queue')).filter(({ seq }) => seq > sent),
    ({ table, id }) => `${table}\n${id}`,
  )
  let fewer = 0
  for (const edits of rows.values()) {
    if (edits.length < 2) continue
    const [{ table, id }] = edits as [QueuedEdit]
    const record = await tx.get('rows', [table, id])
    if (!record) continue
    const all = await tx.scan('queue', { index: 'row', equals: [table, id] })
    // What is left where it was made and removed here must look alone to the rule that drops it.
    const alone = { ...omit(record, 'base'), edits: 1 }
    const view = all.length === edits.length && record.base == null ? alone : record
    const kept: QueuedEdit[] = []
    for (const edit of edits) {
      const { op, data, old, base, edited_at } = edit
      const last = kept.at(-1)
      const content = { op, base, ...(data && { data }), ...(old && { old }) }
      const can = last && edited_at >= last.edited_at
      const one = can ? squash(last, content, view) : undefined
      // Other rows may have to leave this one first.
      const waits = one && op === 'delete' && edit.seq > last!.seq + 1
      if (one === undefined || waits) kept.push(edit)
      else kept.splice(-1, 1, ...(one ? [{ ...one, edited_at, size: sizeOf(one) }] : []))
    }
    if (kept.length === edits.length) continue
    await tx.deleteMany(
      'queue',
      edits.map(({ seq }) => seq),
    )
    await tx.putMany('queue', kept)
    fewer += edits.length - kept.length
    const rest = [...all.filter(({ seq }) => seq <= sent), ...kept]
    const next = stack(record, baseOf(record), rest)
    if (next) await put([next])
    else await drop([record])
  }
  // What kept its place may have come to need what was queued since.
  if (fewer > 0) await tx.putMany('meta', [{ ...device, unordered: true }])
  return fewer
}
