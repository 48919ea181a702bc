import { deviceOf } from '../../database/meta.ts'
import { applyMutation, baseRow, rebase } from '../../database/rebase.ts'
import type { WriteTransaction } from '../../database/write-transaction.ts'
import { contentSize } from '../../model/mutation.ts'
import type { FailedMutation, QueuedMutation, RowRecord } from '../../model/records.ts'
import { editable, type Row } from '../../model/row.ts'
import { type Clock, timestamp } from '../../util/clock.ts'
import { groupBy } from '../../util/group-by.ts'
import { sameJson } from '../../util/json.ts'
import { omit } from '../../util/omit.ts'

/** What was put right. */
export interface Repaired {
  /** Mutations that cannot be read, set aside with what there is of them. */
  setAside: number
  /** Mutations made again from what their rows show: they had been lost from the queue. */
  rebuilt: number
  /** Rows that could not be read, or did not fit what waits for them. */
  rows: number
}

const OPS = new Set<unknown>(['put', 'patch', 'delete'])

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isEdit(mutation: QueuedMutation): boolean {
  const { table, id, op, data } = mutation as Partial<QueuedMutation>
  return (
    typeof table === 'string' &&
    typeof id === 'string' &&
    OPS.has(op) &&
    (op === 'delete' || isRow(data))
  )
}

/**
 * Brings the store back in order without the server: rows agree with the mutations that wait for them, mutations
 * that got lost are made again from what the app sees, and what cannot be read is out of the way.
 */
export async function repairStore(transaction: WriteTransaction, clock: Clock): Promise<Repaired> {
  const { tx, at, putRows, dropRows } = transaction
  const result: Repaired = { setAside: 0, rebuilt: 0, rows: 0 }
  const device = await deviceOf(tx)
  const all = await tx.scan('queue')
  const damaged = all.filter((mutation) => !isEdit(mutation))
  const byRow = groupBy(all.filter(isEdit), ({ table, id }) => `${table}\n${id}`)
  const failed = damaged.map((mutation): FailedMutation => ({
    ...mutation,
    error: { code: 'malformed', message: 'The mutation was damaged on this device.' },
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
    const mutations = byRow.get(key) ?? []
    byRow.delete(key)
    const readable = record.row === null || isRow(record.row)
    const base = baseRow(record) ?? null
    if (!readable || !(base === null || isRow(base))) {
      result.rows++
      const next = rebase({ ...record, version: null }, null, mutations)
      if (next) records.push(next)
      else gone.push(record)
      continue
    }
    const lost = lostEdit(record, base, mutations)
    if (lost) {
      const mutation = { ...lost, seq: ++seq, edited_at: at, size: contentSize(lost) }
      made.push(mutation)
      mutations.push(mutation)
    }
    const fits =
      (record.queued ?? 0) === mutations.length &&
      mutations.length > 0 === (record.base !== undefined)
    if (fits) continue
    result.rows++
    // A row that nobody but this device knows is what its mutations make of nothing.
    const next = rebase(
      record,
      record.version === null && lost?.op === 'put' ? null : base,
      mutations,
    )
    if (next) records.push(next)
    else gone.push(record)
  }
  for (const mutations of byRow.values()) {
    const { table, id } = mutations[0]!
    result.rows++
    records.push(rebase({ table, id, version: null }, null, mutations)!)
  }
  result.rebuilt = made.length
  await tx.putMany('queue', made)
  await putRows(records)
  await dropRows(gone)
  const { inFlight } = device
  const flying =
    inFlight && all.some((mutation) => isEdit(mutation) && mutation.seq <= inFlight.lastSeq)
  await tx.putMany('meta', [{ ...(flying ? device : omit(device, 'inFlight')), seq }])
  return result
}

const seqsOf = (mutations: readonly { seq: number }[]): number[] =>
  mutations.map(({ seq }) => seq).filter((seq) => Number.isSafeInteger(seq))

type Lost = Omit<QueuedMutation, 'seq' | 'edited_at' | 'size'>

/** The mutation that makes what the app sees of what the server and the queue say; none where they agree. */
function lostEdit(
  { table, id, row, version }: RowRecord,
  base: Row | null,
  mutations: readonly QueuedMutation[],
): Lost | undefined {
  const mutation = { table, id, base: version }
  // Neither the server nor the queue knows of it.
  if (version === null && mutations.length === 0)
    return row ? { ...mutation, op: 'put', data: editable(row) } : undefined
  const expected = mutations.reduce(applyMutation, base)
  if (row === null) return expected ? { ...mutation, op: 'delete' } : undefined
  const data = editable(row)
  if (expected === null) return mutations.length > 0 ? undefined : { ...mutation, op: 'put', data }
  const changed = Object.keys(data).filter(
    (column) => !sameJson(data[column], expected[column] ?? null),
  )
  if (changed.length === 0) return undefined
  const pick = (from: Row): Row =>
    Object.fromEntries(changed.map((column) => [column, from[column] ?? null]))
  return { ...mutation, op: 'patch', data: pick(data), old: pick(expected) }
}
