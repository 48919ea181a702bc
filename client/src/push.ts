import type { Mutation, PushAnswer, PushResult } from '../../supabase/functions/_shared/wire.ts'
import { type Clock, timestamp } from './clock.ts'
import type { SyncError } from './errors.ts'
import type { Conflict } from './events.ts'
import type { NewId } from './ids.ts'
import { omit } from './omit.ts'
import { alive, apply, baseOf, stack } from './row.ts'
import type { Row } from './row.ts'
import type { DeviceRecord, FailedEdit, QueuedEdit, RowRecord, Transaction } from './storage.ts'
import { deviceOf } from './store.ts'
import type { Draft } from './store.ts'

/** How much goes into one request. */
export interface BatchLimits {
  /** Edits; at most 10,000. */
  mutations: number
  /** Characters of their content as JSON. One edit alone may be larger. */
  bytes: number
}

/** Edits that go out together, in order, under the name of this device. */
export interface Batch {
  device: string
  edits: QueuedEdit[]
}

/** What the answer to a batch came to. */
export interface Settled {
  /** Edits that left the queue because the server has them. */
  pushed: number
  merged: number
  conflicts: Conflict[]
  rejected: FailedEdit[]
  lost: { table: string; id: string; columns: string[] }[]
}

/** An edit in the words of the wire. */
export const toMutation = (edit: QueuedEdit): Mutation => omit(edit, 'size') as Mutation

/**
 * The next edits to send, none of them above `upTo`, or undefined where nothing waits. They are marked
 * as sent before they go out and are frozen from then on, so that after a lost answer the same batch
 * goes out again and the server knows it by its numbers.
 */
export async function take(
  { tx }: Draft,
  limits: BatchLimits,
  upTo: number,
  clock: Clock,
): Promise<Batch | undefined> {
  const device = await deviceOf(tx)
  const queued = await tx.scan('queue', { limit: limits.mutations })
  const again = device.flight && queued.filter(({ seq }) => seq <= device.flight!.to)
  const edits = again?.length ? again : cut(queued, limits.bytes, upTo)
  const last = edits.at(-1)
  if (!last) return undefined
  const attempts = again?.length ? device.flight!.attempts + 1 : 1
  const flight = { to: last.seq, attempts, at: timestamp(clock) }
  await tx.putMany('meta', [{ ...device, sent: Math.max(device.sent, last.seq), flight }])
  return { device: device.id, edits }
}

function cut(queued: QueuedEdit[], bytes: number, upTo: number): QueuedEdit[] {
  let sum = 0
  const end = queued.findIndex(({ seq, size }, place) => {
    sum += size
    return seq > upTo || (place > 0 && sum > bytes)
  })
  return end === -1 ? queued : queued.slice(0, end)
}

/** A row while the results of its edits are gone through. */
interface Pending {
  record: RowRecord
  base: Row | null
  version: number | null
  settled: number
  /** True where nothing of others has come in between: later edits can count on the new version. */
  ours: boolean
}

/** Takes the server's answer to a batch into rows and queue. */
export async function settle(
  { tx, put, drop }: Draft,
  batch: Batch,
  answer: PushAnswer,
  clock: Clock,
  newId: NewId,
): Promise<Settled> {
  const outcome: Settled = { pushed: 0, merged: 0, conflicts: [], rejected: [], lost: [] }
  const device = await deviceOf(tx)
  // Another tab has found that the name was taken: these numbers mean other edits now.
  if (device.id !== batch.device) return outcome

  const results = new Map(answer.results.map((result) => [result.seq, result]))
  const queued = await tx.getMany(
    'queue',
    batch.edits.map(({ seq }) => seq),
  )
  const rows = await pendingRows(tx, queued)
  const done = new Set<number>()
  // An edit that went out only once cannot be a duplicate, unless another device goes by our name.
  const onlyOnce = device.flight?.attempts === 1
  let taken = answer.last_seq > device.sent

  for (const edit of queued) {
    const result = edit && results.get(edit.seq)
    if (!result) continue
    if (result.status === 'duplicate' && onlyOnce) {
      taken = true
      continue
    }
    const row = rows.get(keyOf(edit))!
    done.add(edit.seq)
    row.settled++
    if (result.status === 'rejected') {
      const { error } = result
      if (error.code === 'gone' || error.code === 'not_found') {
        row.base = null
        row.version = null
      }
      const attempts = device.flight?.attempts ?? 1
      outcome.rejected.push({ ...edit, error, attempts, failed_at: timestamp(clock) })
    } else {
      accept(row, edit, result)
      note(outcome, row, edit, result)
    }
  }

  const rebased: QueuedEdit[] = []
  const kept: RowRecord[] = []
  const gone: RowRecord[] = []
  for (const { record, base, version, settled, ours } of rows.values()) {
    if (settled === 0) continue
    const rest =
      (record.edits ?? 0) > settled
        ? (await tx.scan('queue', { index: 'row', equals: [record.table, record.id] })).filter(
            ({ seq }) => !done.has(seq),
          )
        : []
    if (ours && version !== null)
      rebased.push(
        ...rest.filter(({ seq }) => seq > device.sent).map((edit) => ({ ...edit, base: version })),
      )
    const next = stack({ ...record, version }, base, rest)
    if (next) kept.push(next)
    else gone.push(record)
  }
  await put(kept)
  await drop(gone)
  await tx.deleteMany('queue', [...done])
  await tx.putMany('queue', rebased)
  await tx.putMany('failed', outcome.rejected)
  const next = { ...omit(device, 'flight'), completed: device.completed + outcome.pushed }
  await tx.putMany('meta', [taken ? renamed(next, newId) : next])
  return outcome
}

const keyOf = ({ table, id }: Pick<RowRecord, 'table' | 'id'>): string => `${table}\n${id}`

async function pendingRows(
  tx: Transaction,
  queued: (QueuedEdit | undefined)[],
): Promise<Map<string, Pending>> {
  const keys = new Map<string, readonly [string, string]>()
  for (const edit of queued) if (edit) keys.set(keyOf(edit), [edit.table, edit.id])
  const records = await tx.getMany('rows', [...keys.values()])
  return new Map(
    [...keys].map(([key, [table, id]], place) => {
      const record = records[place] ?? { table, id, row: null, version: null }
      return [
        key,
        { record, base: baseOf(record), version: record.version, settled: 0, ours: false },
      ]
    }),
  )
}

type Accepted = Exclude<PushResult, { status: 'rejected' }>

/** The server's row after an edit that it has taken. */
function accept(
  row: Pending,
  edit: QueuedEdit,
  { status, row: told, lost, version }: Accepted,
): void {
  // Only where the content is known too may the version be taken over: a pull skips what is older.
  const known = told || status === 'applied' || status === 'merged'
  if (told) row.base = alive(told)
  else if (row.base === null && edit.op === 'patch') row.base = row.record.row
  else if (status !== 'conflict') row.base = apply(row.base, won(edit, lost ?? []))
  if (row.base === null) row.version = null
  else if (known && version != null) {
    row.version = version
    row.base = { ...row.base, version }
  }
  row.ours = status === 'applied'
}

/** An edit without the columns that were overruled. */
function won({ op, data }: QueuedEdit, lost: readonly string[]): Pick<QueuedEdit, 'op' | 'data'> {
  if (!data || lost.length === 0) return { op, ...(data && { data }) }
  return {
    op,
    data: Object.fromEntries(Object.entries(data).filter(([column]) => !lost.includes(column))),
  }
}

function note(outcome: Settled, { base }: Pending, edit: QueuedEdit, result: Accepted): void {
  const { table, id } = edit
  const lost = result.lost ?? []
  outcome.pushed++
  if (result.status === 'merged') outcome.merged++
  if (lost.length > 0) outcome.lost.push({ table, id, columns: lost })
  if (result.status !== 'conflict' && lost.length === 0) return
  const { copy_id, conflict_id } = result as {
    copy_id?: string | null
    conflict_id?: string | null
  }
  outcome.conflicts.push({
    table,
    id,
    lost,
    mine: edit.data ?? null,
    row: base,
    ...(copy_id && { copyId: copy_id }),
    ...(conflict_id && { conflictId: conflict_id }),
  })
}

/**
 * The device under a new name, with all that waits as if it had never been sent. The numbers go on, so
 * that what failed earlier keeps its own.
 */
function renamed(device: DeviceRecord, newId: NewId): DeviceRecord {
  return { ...omit(device, 'flight'), id: newId(), sent: 0 }
}

/**
 * Compares what the server has heard under this device's name with what this device has said. If the
 * server knows more, the store was rolled back or cloned: its next edits would pass for duplicates, so
 * it takes a new name. Resolves to true where it did.
 */
export async function checkName({ tx }: Draft, lastSeq: number, newId: NewId): Promise<boolean> {
  const device = await deviceOf(tx)
  const taken = lastSeq > device.sent
  if (taken) await tx.putMany('meta', [renamed(device, newId)])
  return taken
}

/**
 * Narrows a batch that the server would not read: halves it, or, where it is down to one edit, sets
 * that one aside. Resolves to the edit that was set aside.
 */
export async function narrow(
  { tx, put, drop }: Draft,
  batch: Batch,
  error: SyncError,
  clock: Clock,
): Promise<FailedEdit | undefined> {
  const { flight, ...device } = await deviceOf(tx)
  if (device.id !== batch.device) return undefined
  const [edit, ...others] = batch.edits
  if (others.length > 0) {
    const to = batch.edits[Math.floor((batch.edits.length - 1) / 2)]!.seq
    await tx.putMany('meta', [{ ...device, flight: { to, attempts: 0, at: timestamp(clock) } }])
    return undefined
  }
  await tx.putMany('meta', [device])
  if (!edit || !(await tx.get('queue', edit.seq))) return undefined
  const failed: FailedEdit = {
    ...edit,
    error: {
      code: error.code === 'malformed' ? 'malformed' : 'too_large',
      message: error.message,
      hint: error.details,
    },
    attempts: flight?.attempts ?? 1,
    failed_at: timestamp(clock),
  }
  await tx.deleteMany('queue', [edit.seq])
  await tx.putMany('failed', [failed])
  const record = await tx.get('rows', [edit.table, edit.id])
  if (record) {
    const rest = await tx.scan('queue', { index: 'row', equals: [edit.table, edit.id] })
    const next = stack(record, baseOf(record), rest)
    if (next) await put([next])
    else await drop([record])
  }
  return failed
}
