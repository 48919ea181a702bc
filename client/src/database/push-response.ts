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
import { editable, withoutTombstone } from '../model/row.ts'
import type { PushAnswer, PushResult, ResultError } from '../model/wire.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Clock } from '../util/clock.ts'
import { omit } from '../util/omit.ts'
import type { NewId } from '../util/uuid.ts'
import { type Batch, withNewDeviceId } from './batch.ts'
import { deviceOf } from './meta.ts'
import { applyMutation, baseRow, rebase } from './rebase.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** What the answer to a batch came to. */
export interface PushOutcome {
  /** Mutations that left the queue because the server has them. */
  pushed: number
  merged: number
  conflicts: Conflict[]
  rejected: FailedMutation[]
  lost: { table: string; id: string; columns: string[] }[]
}

/** A row while the results of its mutations are gone through. */
interface RowResults {
  record: RowRecord
  base: Row | null
  version: number | null
  answered: number
  /** A mutation of it that the server has no row for. */
  missing?: FailedMutation
  /**
   * When the last of its mutations was made, where nothing of others has come in between: mutations made later can
   * count on the new version.
   */
  madeBefore?: string | undefined
}

/** Takes the server's answer to a batch into rows and queue. */
export async function applyPushResponse(
  { tx, at, putRows, dropRows }: WriteTransaction,
  batch: Batch,
  answer: PushAnswer,
  { clock, newId, createMissing = false }: { clock: Clock; newId: NewId; createMissing?: boolean },
): Promise<PushOutcome> {
  const outcome: PushOutcome = { pushed: 0, merged: 0, conflicts: [], rejected: [], lost: [] }
  const device = await deviceOf(tx)
  // Another tab has found that the name was taken: these numbers mean other mutations now.
  if (device.id !== batch.device) return outcome

  const results = new Map(answer.results.map((result) => [result.seq, result]))
  const queued = await tx.getMany(
    'queue',
    batch.mutations.map(({ seq }) => seq),
  )
  const rows = await rowsOfBatch(tx, queued)
  const done = new Set<number>()
  // Another tab may have had the same answer already and be on with the next batch.
  const inFlight =
    device.inFlight?.lastSeq === batch.mutations.at(-1)?.seq ? device.inFlight : undefined
  const attempts = inFlight?.attempts ?? 1
  let taken = answer.last_seq > device.sentSeq

  for (const mutation of queued) {
    const result = mutation && results.get(mutation.seq)
    if (!result) continue
    if (
      mutation.seq < (answer.repeated_from ?? Infinity) &&
      isOfAnotherDevice(mutation, result, inFlight)
    ) {
      taken = true
      continue
    }
    const row = rows.get(keyOf(mutation))!
    done.add(mutation.seq)
    row.answered++
    const { error } = result as { error?: ResultError }
    if (error) {
      const failed = { ...mutation, error, attempts, failed_at: at }
      if (createMissing && error.code === 'not_found' && mutation.op === 'patch')
        row.missing = failed
      else outcome.rejected.push(failed)
      if (error.code === 'gone' || error.code === 'not_found') forgetServerRow(row)
    } else {
      acceptResult(row, mutation, result)
      noteResult(outcome, row, mutation, result)
    }
  }

  const rebased: QueuedMutation[] = []
  const kept: RowRecord[] = []
  const gone: RowRecord[] = []
  let { seq } = device
  for (const { record, base, version, answered, madeBefore, missing } of rows.values()) {
    if (answered === 0) continue
    const rest =
      (record.queued ?? 0) > answered
        ? (await tx.scan('queue', { index: 'row', equals: [record.table, record.id] })).filter(
            ({ seq }) => !done.has(seq),
          )
        : []
    if (missing) {
      const unsent = rest.every((mutation) => mutation.seq > device.sentSeq)
      if (unsent && record.row) {
        const data = editable(record.row)
        const put = { ...asInsert(missing, data), seq: ++seq, edited_at: at }
        for (const mutation of rest) done.add(mutation.seq)
        rebased.push(put)
        kept.push(rebase({ ...record, version: null }, null, [put])!)
        continue
      }
      outcome.rejected.push(missing)
    }
    if (madeBefore && version !== null)
      rebased.push(
        ...rest
          // An older one was refused before and does not build on these.
          .filter(({ seq, edited_at }) => seq > device.sentSeq && edited_at >= madeBefore)
          .map((mutation) => ({ ...mutation, base: version })),
      )
    const next = rebase({ ...record, version }, base, rest)
    if (next) kept.push(next)
    else gone.push(record)
  }
  await putRows(kept)
  await dropRows(gone)
  await tx.deleteMany('queue', [...done])
  await tx.putMany('queue', rebased)
  await tx.putMany('failed', outcome.rejected)
  const settled = inFlight ? omit(device, 'inFlight') : device
  const next = { ...settled, ...completed(device, outcome.pushed, clock.now()), seq }
  await tx.putMany('meta', [taken ? withNewDeviceId(next, newId) : next])
  return outcome
}

/** The mutation that creates a row. */
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

/** The most moments that are told apart. */
const MOMENTS = 100

function completed(
  { completed: before, completions = [] }: DeviceRecord,
  count: number,
  now: number,
): Partial<Pick<DeviceRecord, 'completed' | 'completions'>> {
  if (count === 0) return {}
  const all = [...completions, [now, count] as const]
  if (all.length > MOMENTS) {
    const [, oldest] = all.shift()!
    const [at, next] = all[0]!
    all[0] = [at, oldest + next]
  }
  return { completed: before + count, completions: all }
}

const keyOf = ({ table, id }: Pick<RowRecord, 'table' | 'id'>): string => `${table}\n${id}`

async function rowsOfBatch(
  tx: Transaction,
  queued: (QueuedMutation | undefined)[],
): Promise<Map<string, RowResults>> {
  const keys = new Map<string, readonly [string, string]>()
  for (const mutation of queued)
    if (mutation) keys.set(keyOf(mutation), [mutation.table, mutation.id])
  const records = await tx.getMany('rows', [...keys.values()])
  return new Map(
    [...keys].map(([key, [table, id]], place) => {
      const record = records[place] ?? { table, id, row: null, version: null }
      return [key, { record, base: baseRow(record), version: record.version, answered: 0 }]
    }),
  )
}

/**
 * Whether a duplicate that the server did not get from this very batch is of another device that goes by
 * our name. Not where the mutation went out in an earlier batch too, of which a part was answered.
 */
function isOfAnotherDevice(
  mutation: QueuedMutation,
  result: PushResult,
  inFlight?: InFlightBatch,
): boolean {
  if (result.status !== 'duplicate') return false
  const { error, version } = result as { error?: ResultError; version?: number | null }
  const first = inFlight !== undefined && mutation.seq > inFlight.previousSeq
  return first || (mutation.op === 'put' && !error && version == null)
}

function forgetServerRow(row: RowResults): void {
  row.base = null
  row.version = null
}

/** The server's row after a mutation that it has taken. */
function acceptResult(
  row: RowResults,
  mutation: QueuedMutation,
  { status, row: told, lost, version }: PushResult,
): void {
  row.madeBefore = status === 'applied' ? mutation.edited_at : undefined
  // Only where the content is known may the version be taken over: a pull skips what is older.
  const known = told || status === 'applied' || status === 'merged'
  if (told) row.base = withoutTombstone(told)
  // A duplicate tells the row as it is by now. Where there is none for us, and no pull names it, none
  // ever will.
  else if (status === 'duplicate' && row.record.scope === undefined) row.base = null
  // Put together with columns that we do not know: a pull brings the row if it is for us.
  else if (row.base === null && mutation.op === 'patch')
    row.base = status === 'merged' ? null : row.record.row
  else if (status !== 'conflict')
    row.base = applyMutation(row.base, withoutLost(mutation, lost ?? []))
  if (row.base === null) forgetServerRow(row)
  else if (known && version != null) {
    row.version = version
    row.base = { ...row.base, version }
  }
}

/** A mutation without the columns that were overruled. */
function withoutLost(
  { op, data }: QueuedMutation,
  lost: readonly string[],
): Pick<QueuedMutation, 'op' | 'data'> {
  if (!data || lost.length === 0) return { op, ...(data && { data }) }
  return {
    op,
    data: Object.fromEntries(Object.entries(data).filter(([column]) => !lost.includes(column))),
  }
}

function noteResult(
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
  // Said again after a lost answer, it comes as a duplicate. Of a removal there are no columns to lose.
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
