import type { Conflict } from '../model/events.ts'
import { contentSize } from '../model/mutation.ts'
import type {
  DeviceRecord,
  FailedMutation,
  InFlightBatch,
  QueuedMutation,
  RowRecord,
} from '../model/records.ts'
import type { Row } from '../model/row.ts'
import { editableColumns, withoutTombstone } from '../model/row.ts'
import type { PushAnswer, PushResult, ResultError } from '../model/wire.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Clock } from '../util/clock.ts'
import { omit } from '../util/omit.ts'
import type { NewId } from '../util/uuid.ts'
import { type Batch, withNewDeviceId } from './batch.ts'
import { deviceOf } from './meta.ts'
import { applyMutation, baseRow, rebase } from './rebase.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** What a push response changed. */
export interface PushOutcome {
  /** Number of acknowledged mutations. */
  pushed: number
  merged: number
  conflicts: Conflict[]
  rejected: FailedMutation[]
  /** Overruled columns by row. */
  lost: { table: string; id: string; columns: string[] }[]
}

/** A row of the batch, while the results of its mutations are applied. */
interface RowResults {
  record: RowRecord
  /** The server's row after the results so far; null where it has none or this device does not know it. */
  base: Row | null
  version: number | null
  /** Number of the row's mutations that the response answers. */
  answered: number
  /** A rejected patch of a row that the server does not have; with `createMissing` it becomes an insert. */
  missing?: FailedMutation
  /**
   * `edited_at` of the last mutation, where it was `applied`, that is without a merge: pending mutations that were
   * made later take the new version as their base.
   */
  appliedAt?: string | undefined
}

/** What the results say about the batch as a whole. */
interface BatchResults {
  /** `seq` of every mutation that the response answers. */
  answered: Set<number>
  /** True where another device has used this device id. */
  deviceIdTaken: boolean
}

/** What the results change in `rows` and `queue`. */
interface RebasedRows {
  kept: RowRecord[]
  dropped: RowRecord[]
  /** Pending mutations with a new base, and inserts in place of patches of missing rows. */
  requeued: QueuedMutation[]
  /** `seq` of the pending mutations that such an insert contains. */
  replaced: number[]
  /** The last `seq` that was assigned. */
  seq: number
}

/** Applies the server's response to a batch: to the queue, the rejected mutations and the rows. */
export async function applyPushResponse(
  { tx, at, putRows, dropRows }: WriteTransaction,
  batch: Batch,
  response: PushAnswer,
  { clock, newId, createMissing = false }: { clock: Clock; newId: NewId; createMissing?: boolean },
): Promise<PushOutcome> {
  const outcome: PushOutcome = { pushed: 0, merged: 0, conflicts: [], rejected: [], lost: [] }
  const device = await deviceOf(tx)
  // Another tab has given the device a new id: the numbers in the response name other mutations now.
  if (device.id !== batch.device) return outcome

  const seqs = batch.mutations.map(({ seq }) => seq)
  const queued = (await tx.getMany('queue', seqs)).filter((mutation) => mutation !== undefined)
  const rows = await rowsOfBatch(tx, queued)
  // Another tab may have applied this response already and sent the next batch.
  const inFlight = device.inFlight?.lastSeq === seqs.at(-1) ? device.inFlight : undefined
  const { answered, deviceIdTaken } = applyResults(rows, queued, response, outcome, {
    at,
    inFlight,
    createMissing,
  })
  const { kept, dropped, requeued, replaced, seq } = await rebaseRows(
    { tx, at },
    device,
    rows,
    answered,
    outcome,
  )
  await putRows(kept)
  await dropRows(dropped)
  await tx.deleteMany('queue', [...answered, ...replaced])
  await tx.putMany('queue', requeued)
  await tx.putMany('failed', outcome.rejected)
  const next: DeviceRecord = {
    ...(inFlight ? omit(device, 'inFlight') : device),
    ...completedAfter(device, outcome.pushed, clock.now()),
    seq,
  }
  const idTaken = deviceIdTaken || response.last_seq > device.sentSeq
  await tx.putMany('meta', [idTaken ? withNewDeviceId(next, newId) : next])
  return outcome
}

/** The rows of a batch by `rowKey`, before any result is applied. */
async function rowsOfBatch(
  tx: Transaction,
  queued: readonly QueuedMutation[],
): Promise<Map<string, RowResults>> {
  const keys = new Map<string, readonly [string, string]>()
  for (const mutation of queued) keys.set(rowKey(mutation), [mutation.table, mutation.id])
  const records = await tx.getMany('rows', [...keys.values()])
  return new Map(
    [...keys].map(([key, [table, id]], index) => {
      const record = records[index] ?? { table, id, row: null, version: null }
      return [key, { record, base: baseRow(record), version: record.version, answered: 0 }]
    }),
  )
}

const rowKey = ({ table, id }: Pick<RowRecord, 'table' | 'id'>): string => `${table}\n${id}`

/** Applies the result of every mutation to its row in `rows` and to `outcome`. */
function applyResults(
  rows: ReadonlyMap<string, RowResults>,
  queued: readonly QueuedMutation[],
  response: PushAnswer,
  outcome: PushOutcome,
  {
    at,
    inFlight,
    createMissing,
  }: { at: string; inFlight: InFlightBatch | undefined; createMissing: boolean },
): BatchResults {
  const results = new Map(response.results.map((result) => [result.seq, result]))
  const answered = new Set<number>()
  let deviceIdTaken = false
  for (const mutation of queued) {
    const result = results.get(mutation.seq)
    if (!result) continue
    const repeated = mutation.seq >= (response.repeated_from ?? Infinity)
    if (!repeated && isOfAnotherDevice(mutation, result, inFlight)) {
      deviceIdTaken = true
      continue
    }
    const row = rows.get(rowKey(mutation))!
    answered.add(mutation.seq)
    row.answered++
    const { error } = result as { error?: ResultError }
    if (!error) {
      acceptResult(row, mutation, result)
      reportResult(outcome, row, mutation, result)
      continue
    }
    const failed = { ...mutation, error, attempts: inFlight?.attempts ?? 1, failed_at: at }
    if (createMissing && error.code === 'not_found' && mutation.op === 'patch') row.missing = failed
    else outcome.rejected.push(failed)
    if (error.code === 'gone' || error.code === 'not_found') forgetServerRow(row)
  }
  return { answered, deviceIdTaken }
}

/**
 * Whether a result `duplicate` answers a mutation of another device with the same device id. It does not where
 * the mutation was also part of an earlier batch, some of whose mutations were answered.
 */
function isOfAnotherDevice(
  mutation: QueuedMutation,
  result: PushResult,
  inFlight?: InFlightBatch,
): boolean {
  if (result.status !== 'duplicate') return false
  const { error, version } = result as { error?: ResultError; version?: number | null }
  const firstSent = inFlight !== undefined && mutation.seq > inFlight.previousSeq
  return firstSent || (mutation.op === 'put' && !error && version == null)
}

/** Marks the server's row as missing or unknown. */
function forgetServerRow(row: RowResults): void {
  row.base = null
  row.version = null
}

/** Sets the server's row and version after an acknowledged mutation. */
function acceptResult(
  row: RowResults,
  mutation: QueuedMutation,
  { status, row: serverRow, lost, version }: PushResult,
): void {
  row.appliedAt = status === 'applied' ? mutation.edited_at : undefined
  if (serverRow) row.base = withoutTombstone(serverRow)
  // A duplicate comes with the row as it is now. Without a row, and without a scope that a pull named, the user
  // has no access to the row, and no pull will deliver it.
  else if (status === 'duplicate' && row.record.scope === undefined) row.base = null
  // The server merged the patch with columns that this device does not know: a pull delivers the row.
  else if (row.base === null && mutation.op === 'patch')
    row.base = status === 'merged' ? null : row.record.row
  else if (status !== 'conflict')
    row.base = applyMutation(row.base, withoutColumns(mutation, lost ?? []))
  // A pull skips rows older than the stored version, so a version is stored only with its content.
  const contentKnown = serverRow || status === 'applied' || status === 'merged'
  if (row.base === null) forgetServerRow(row)
  else if (contentKnown && version != null) {
    row.version = version
    row.base = { ...row.base, version }
  }
}

/** A mutation without the columns that were overruled. */
function withoutColumns(
  { op, data }: QueuedMutation,
  columns: readonly string[],
): Pick<QueuedMutation, 'op' | 'data'> {
  if (!data || columns.length === 0) return { op, ...(data && { data }) }
  return {
    op,
    data: Object.fromEntries(Object.entries(data).filter(([column]) => !columns.includes(column))),
  }
}

/** Adds an acknowledged mutation to `outcome`: its count, its overruled columns and its conflict. */
function reportResult(
  outcome: PushOutcome,
  { base }: RowResults,
  mutation: QueuedMutation,
  result: PushResult,
): void {
  const { table, id } = mutation
  const lost = result.lost ?? []
  outcome.pushed++
  if (result.status === 'merged') outcome.merged++
  if (lost.length > 0) outcome.lost.push({ table, id, columns: lost })
  const { copy_id, conflict_id } = result as {
    copy_id?: string | null
    conflict_id?: string | null
  }
  // A delete has no columns: its `lost` is an empty list where it was overruled. The status does not tell, since a
  // result that is repeated after a lost response has the status `duplicate`.
  const overruled = mutation.op === 'delete' ? result.lost : lost.length > 0
  if (!overruled && !copy_id && !conflict_id) return
  outcome.conflicts.push({
    table,
    id,
    lost,
    mine: mutation.data ?? null,
    row: base,
    ...(copy_id && { copyId: copy_id }),
    ...(conflict_id && { conflictId: conflict_id }),
  })
}

/** Rebases the remaining mutations of every answered row on the server's row. */
async function rebaseRows(
  { tx, at }: Pick<WriteTransaction, 'tx' | 'at'>,
  device: DeviceRecord,
  rows: ReadonlyMap<string, RowResults>,
  answered: ReadonlySet<number>,
  outcome: PushOutcome,
): Promise<RebasedRows> {
  const result: RebasedRows = { kept: [], dropped: [], requeued: [], replaced: [], seq: device.seq }
  for (const row of rows.values()) {
    if (row.answered === 0) continue
    const { record, base, version, appliedAt, missing } = row
    const remaining =
      (record.queued ?? 0) > row.answered
        ? (await tx.scan('queue', { index: 'row', equals: [record.table, record.id] })).filter(
            ({ seq }) => !answered.has(seq),
          )
        : []
    if (missing) {
      const unsent = remaining.every((mutation) => mutation.seq > device.sentSeq)
      if (unsent && record.row) {
        const data = editableColumns(record.row)
        const insert = { ...asInsert(missing, data), seq: ++result.seq, edited_at: at }
        result.replaced.push(...remaining.map(({ seq }) => seq))
        result.requeued.push(insert)
        result.kept.push(rebase({ ...record, version: null }, null, [insert])!)
        continue
      }
      outcome.rejected.push(missing)
    }
    if (appliedAt && version !== null)
      result.requeued.push(
        ...remaining
          // An older mutation is a retry of a rejected one, and was not made on the new version.
          .filter(({ seq, edited_at }) => seq > device.sentSeq && edited_at >= appliedAt)
          .map((mutation) => ({ ...mutation, base: version })),
      )
    const next = rebase({ ...record, version }, base, remaining)
    if (next) result.kept.push(next)
    else result.dropped.push(record)
  }
  return result
}

/** The mutation that inserts a row which the server does not have. */
const asInsert = (
  { table, id, rank }: QueuedMutation,
  data: Row,
): Omit<QueuedMutation, 'seq' | 'edited_at'> => ({
  table,
  id,
  op: 'put',
  base: null,
  data,
  size: contentSize({ data }),
  ...(rank !== undefined && { rank }),
})

/** Times of acknowledgement that a device record keeps; older ones are combined. */
const MAX_COMPLETIONS = 100

/** The device's counts of acknowledged mutations after `count` more at the time `now`. */
function completedAfter(
  { completed, completions = [] }: DeviceRecord,
  count: number,
  now: number,
): Partial<Pick<DeviceRecord, 'completed' | 'completions'>> {
  if (count === 0) return {}
  const all = [...completions, [now, count] as const]
  if (all.length > MAX_COMPLETIONS) {
    const [, oldest] = all.shift()!
    const [at, next] = all[0]!
    all[0] = [at, oldest + next]
  }
  return { completed: completed + count, completions: all }
}
