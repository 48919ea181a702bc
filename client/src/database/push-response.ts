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

/** The outcome of a push: what the app and the report are told of it. */
export interface PushOutcome {
  /** Number of acknowledged mutations. */
  pushed: number
  merged: number
  conflicts: Conflict[]
  rejected: FailedMutation[]
  /** Overruled columns by row. */
  lost: { table: string; id: string; columns: string[] }[]
}

/** A row of the batch, while the results of its mutations are applied to it. */
interface AnsweredRow {
  record: RowRecord
  /** The server's row after the results so far; null where it has none or this device does not know it. */
  serverRow: Row | null
  version: number | null
  /** Number of the row's mutations that the response answers. */
  answeredCount: number
  /**
   * With `createMissing`: a patch that was rejected because the server does not have the row. It becomes an insert, or
   * stays rejected if the row was removed here or a later mutation of it is in flight.
   */
  patchOfMissingRow?: FailedMutation
  /**
   * `edited_at` of the last answered mutation, if it was `applied`, that is without a merge: pending mutations that
   * were made later take the new version as their base version.
   */
  lastAppliedEditedAt?: string | undefined
}

/** The results, as far as they are about the batch as a whole. */
interface BatchResults {
  /** `seq` of every mutation that the response answers. */
  answeredSeqs: Set<number>
  /** True where another device has used this device id. */
  deviceIdTaken: boolean
}

/** The changes of the stores `rows` and `queue` that follow from the results. */
interface QueueAndRowChanges {
  kept: RowRecord[]
  dropped: RowRecord[]
  /** Pending mutations with a new base version, and inserts in place of patches of missing rows. */
  changedMutations: QueuedMutation[]
  /** `seq` of the pending mutations that an insert in `changedMutations` contains. */
  replaced: number[]
  /** The last `seq` that was assigned. */
  seq: number
}

/**
 * Applies the server's response to a batch: to the queue, the rejected mutations, the rows and the device record.
 * Ignores the response if the device has a new id since; gives the device a new id if another device uses the same.
 */
export async function applyPushResponse(
  { tx, at, putRows, dropRows }: WriteTransaction,
  batch: Batch,
  response: PushAnswer,
  { clock, newId, createMissing = false }: { clock: Clock; newId: NewId; createMissing?: boolean },
): Promise<PushOutcome> {
  const outcome: PushOutcome = { pushed: 0, merged: 0, conflicts: [], rejected: [], lost: [] }
  const device = await deviceOf(tx)
  // Another tab has given the device a new id: a `seq` of the response is no mutation of that id.
  if (device.id !== batch.deviceId) return outcome

  const seqs = batch.mutations.map(({ seq }) => seq)
  const queued = (await tx.getMany('queue', seqs)).filter((mutation) => mutation !== undefined)
  const rows = await rowsOfBatch(tx, queued)
  // Another tab may have applied this response already and sent the next batch.
  const inFlight = device.inFlight?.lastSeq === seqs.at(-1) ? device.inFlight : undefined
  const { answeredSeqs, deviceIdTaken } = applyResults(rows, queued, response, outcome, {
    at,
    inFlight,
    createMissing,
  })
  const { kept, dropped, changedMutations, replaced, seq } = await rebaseRows(
    { tx, at },
    device,
    rows,
    answeredSeqs,
    outcome,
  )
  await putRows(kept)
  await dropRows(dropped)
  await tx.deleteMany('queue', [...answeredSeqs, ...replaced])
  await tx.putMany('queue', changedMutations)
  await tx.putMany('failed', outcome.rejected)
  const next: DeviceRecord = {
    ...(inFlight ? omit(device, 'inFlight') : device),
    ...withAcknowledged(device, outcome.pushed, clock.now()),
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
): Promise<Map<string, AnsweredRow>> {
  const keys = new Map<string, readonly [string, string]>()
  for (const mutation of queued) keys.set(rowKey(mutation), [mutation.table, mutation.id])
  const records = await tx.getMany('rows', [...keys.values()])
  return new Map(
    [...keys].map(([key, [table, id]], index) => {
      const record = records[index] ?? { table, id, row: null, version: null }
      return [
        key,
        { record, serverRow: baseRow(record), version: record.version, answeredCount: 0 },
      ]
    }),
  )
}

const rowKey = ({ table, id }: Pick<RowRecord, 'table' | 'id'>): string => `${table}\n${id}`

/**
 * Applies the result of every mutation to its row in `rows` and to `outcome`, which it changes. Skips results that are
 * of another device with the same id.
 */
function applyResults(
  rows: ReadonlyMap<string, AnsweredRow>,
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
    // Results from here on repeat what this device was answered before, and the answer was lost.
    const repeated = mutation.seq >= (response.repeated_from ?? Infinity)
    if (!repeated && provesSharedDeviceId(mutation, result, inFlight)) {
      deviceIdTaken = true
      continue
    }
    const row = rows.get(rowKey(mutation))!
    answered.add(mutation.seq)
    row.answeredCount++
    const { error } = result as { error?: ResultError }
    if (!error) {
      updateServerRow(row, mutation, result)
      addToOutcome(outcome, row, mutation, result)
      continue
    }
    const failed = { ...mutation, error, attempts: inFlight?.attempts ?? 1, failed_at: at }
    if (createMissing && error.code === 'not_found' && mutation.op === 'patch')
      row.patchOfMissingRow = failed
    else outcome.rejected.push(failed)
    if (error.code === 'gone' || error.code === 'not_found') forgetServerRow(row)
  }
  return { answeredSeqs: answered, deviceIdTaken }
}

/**
 * Whether a result `duplicate` proves that another device uses this device id: this device sends the mutation for the
 * first time, or the server has no version for what should be this device's insert. The caller leaves out results that
 * the server repeats after a lost response.
 */
function provesSharedDeviceId(
  mutation: QueuedMutation,
  result: PushResult,
  inFlight?: InFlightBatch,
): boolean {
  if (result.status !== 'duplicate') return false
  const { error, version } = result as { error?: ResultError; version?: number | null }
  const firstSent = inFlight !== undefined && mutation.seq > inFlight.previousSeq
  return firstSent || (mutation.op === 'put' && !error && version == null)
}

/** Marks a row, in memory, as one that the server does not have or this device does not know. */
function forgetServerRow(row: AnsweredRow): void {
  row.serverRow = null
  row.version = null
}

/** Sets the server's row after an acknowledged mutation, and its version if the content is known. */
function updateServerRow(
  row: AnsweredRow,
  mutation: QueuedMutation,
  { status, row: serverRow, lost, version }: PushResult,
): void {
  row.lastAppliedEditedAt = status === 'applied' ? mutation.edited_at : undefined
  if (serverRow) row.serverRow = withoutTombstone(serverRow)
  // A duplicate comes with the row as it is now. Without a row, and without a scope that a pull named, the user
  // has no access to the row, and no pull will deliver it.
  else if (status === 'duplicate' && row.record.scope === undefined) row.serverRow = null
  // The server merged the patch with columns that this device does not know: a pull delivers the row.
  else if (row.serverRow === null && mutation.op === 'patch')
    row.serverRow = status === 'merged' ? null : row.record.row
  else if (status !== 'conflict')
    row.serverRow = applyMutation(row.serverRow, withoutColumns(mutation, lost ?? []))
  // A pull skips rows older than the stored version, so a version is stored only with its content.
  const contentKnown = serverRow || status === 'applied' || status === 'merged'
  if (row.serverRow === null) forgetServerRow(row)
  else if (contentKnown && version != null) {
    row.version = version
    row.serverRow = { ...row.serverRow, version }
  }
}

/** `op` and `data` of a mutation, without these columns. */
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
function addToOutcome(
  outcome: PushOutcome,
  { serverRow }: AnsweredRow,
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
    row: serverRow,
    ...(copy_id && { copyId: copy_id }),
    ...(conflict_id && { conflictId: conflict_id }),
  })
}

/**
 * Rebases the remaining mutations of every answered row on the server's row. Makes an insert of a patch whose row is
 * missing, together with the row's pending mutations, or rejects the patch.
 */
async function rebaseRows(
  { tx, at }: Pick<WriteTransaction, 'tx' | 'at'>,
  device: DeviceRecord,
  rows: ReadonlyMap<string, AnsweredRow>,
  answered: ReadonlySet<number>,
  outcome: PushOutcome,
): Promise<QueueAndRowChanges> {
  const result: QueueAndRowChanges = {
    kept: [],
    dropped: [],
    changedMutations: [],
    replaced: [],
    seq: device.seq,
  }
  for (const row of rows.values()) {
    if (row.answeredCount === 0) continue
    const { record, serverRow, version, lastAppliedEditedAt, patchOfMissingRow } = row
    const remaining =
      (record.queued ?? 0) > row.answeredCount
        ? (await tx.scan('queue', { index: 'row', equals: [record.table, record.id] })).filter(
            ({ seq }) => !answered.has(seq),
          )
        : []
    if (patchOfMissingRow) {
      const unsent = remaining.every((mutation) => mutation.seq > device.sentSeq)
      if (unsent && record.row) {
        const data = editableColumns(record.row)
        const insert = { ...asInsert(patchOfMissingRow, data), seq: ++result.seq, edited_at: at }
        result.replaced.push(...remaining.map(({ seq }) => seq))
        result.changedMutations.push(insert)
        result.kept.push(rebase({ ...record, version: null }, null, [insert])!)
        continue
      }
      outcome.rejected.push(patchOfMissingRow)
    }
    if (lastAppliedEditedAt && version !== null)
      result.changedMutations.push(
        ...remaining
          // An older mutation is a retry of a rejected one, and was not made on the new version.
          .filter(({ seq, edited_at }) => seq > device.sentSeq && edited_at >= lastAppliedEditedAt)
          .map((mutation) => ({ ...mutation, base: version })),
      )
    const next = rebase({ ...record, version }, serverRow, remaining)
    if (next) result.kept.push(next)
    else result.dropped.push(record)
  }
  return result
}

/** The mutation that inserts a row which the server does not have; of the rejected patch it keeps the rank alone. */
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
function withAcknowledged(
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
