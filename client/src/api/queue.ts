import { noteQueued } from '../database/enqueue.ts'
import { deviceOf } from '../database/meta.ts'
import { baseRow, rebase } from '../database/rebase.ts'
import type { Store } from '../database/store.ts'
import type { WriteTransaction } from '../database/write-transaction.ts'
import { ValidationError } from '../model/errors.ts'
import type { SyncEvents } from '../model/events.ts'
import { contentSize } from '../model/mutation.ts'
import type { FailedMutation, QueuedMutation } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import { editableColumns } from '../model/row.ts'
import type { ResultError } from '../model/wire.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Clock } from '../util/clock.ts'
import type { Emitter } from '../util/emitter.ts'
import { omit } from '../util/omit.ts'

/**
 * An edit in the queue, as the app sees it. While it is pending, its `seq` changes where more urgent edits are moved in
 * front of it.
 */
export interface QueueItem extends Omit<QueuedMutation, 'size'> {
  /** `pending`: not sent. `sent`: sent and not answered (in flight). `failed`: rejected by the server. */
  status: 'pending' | 'sent' | 'failed'
  attempts: number
  /** RFC 3339; when the edit was last sent. */
  lastAttempt?: string
  /** Why the edit was rejected, or why its last request failed. */
  error?: Omit<ResultError, 'code'> & { code: string }
}

export interface QueueStats {
  pending: number
  sent: number
  failed: number
  /** Number of acknowledged edits since `clearCompleted`. The edits themselves leave the queue at once. */
  completed: number
}

/** The edits of this device that the server has not acknowledged. */
export interface Queue {
  stats(): Promise<QueueStats>
  /** Lists edits: rejected ones first, then the others in the order of the queue. */
  list(filter?: { status?: QueueItem['status']; table?: string }): Promise<QueueItem[]>
  /**
   * Queues rejected edits again, all or those named by `seq`, at the end and with new numbers. Resolves to their number.
   * An edit keeps the time at which it was made: newer edits of the same columns win, and the event `lost` names these
   * columns.
   */
  retryFailed(seqs?: readonly number[]): Promise<number>
  /**
   * Changes columns of a rejected edit, which is sent when it is retried; `undefined` leaves a column out. Throws a
   * `ValidationError`: `not_found` where no rejected edit has this `seq`, `invalid_value` for a removal.
   */
  editFailed(seq: number, data: Row): Promise<void>
  /** Discards rejected edits, all or those named by `seq`. Resolves to their number. */
  clearFailed(seqs?: readonly number[]): Promise<number>
  /**
   * Resets the count of acknowledged edits, of all or of those that were acknowledged more than `olderThan` milliseconds
   * ago. Resolves to the number by which the count became smaller.
   */
  clearCompleted(olderThan?: number): Promise<number>
  /**
   * Discards every edit, queued or rejected, and shows the server's rows. An edit that the server has already received
   * comes back with the next pull. Resolves to the number of discarded edits.
   */
  clear(): Promise<number>
}

/** The queue as the app sees it. */
export function createQueue(
  store: Store,
  clock: Clock,
  /** Emits `queue_changed` after every call that changes the queue. */
  events?: Pick<Emitter<SyncEvents>, 'emit'>,
): Queue {
  async function change<T>(body: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    const result = await store.write('local', body)
    events?.emit('queue_changed', { at: clock.now() })
    return result
  }

  return {
    stats: () => store.read(statsOf),
    list: ({ status, table } = {}) =>
      store.read(async (tx) =>
        (await itemsOf(tx)).filter(
          (item) => (!status || item.status === status) && (!table || item.table === table),
        ),
      ),
    retryFailed: (seqs) => change((transaction) => retryFailed(transaction, seqs)),
    editFailed: (seq, data) => change(({ tx }) => editFailed(tx, seq, data)),
    clearFailed: (seqs) => change(({ tx }) => clearFailed(tx, seqs)),
    clearCompleted: (olderThan) =>
      change(({ tx }) =>
        clearCompleted(tx, olderThan === undefined ? Infinity : clock.now() - olderThan),
      ),
    clear: () => change(clear),
  }
}

/** Counts the mutations by state. */
async function statsOf(tx: Transaction): Promise<QueueStats> {
  const { sentSeq, completed } = await deviceOf(tx)
  const queued = await tx.scan('queue')
  const pending = queued.filter(({ seq }) => seq > sentSeq).length
  return { pending, sent: queued.length - pending, failed: await tx.count('failed'), completed }
}

/** All queue items: rejected mutations, then queued ones. */
async function itemsOf(tx: Transaction): Promise<QueueItem[]> {
  const { sentSeq, inFlight } = await deviceOf(tx)
  const failed = (await tx.scan('failed')).map((mutation): QueueItem => ({
    ...omit(mutation, 'size', 'failed_at'),
    status: 'failed',
    lastAttempt: mutation.failed_at,
  }))
  const queued = (await tx.scan('queue')).map((mutation): QueueItem => ({
    ...omit(mutation, 'size'),
    status: mutation.seq <= sentSeq ? 'sent' : 'pending',
    attempts: 0,
    ...(inFlight &&
      mutation.seq <= inFlight.lastSeq && {
        attempts: inFlight.attempts,
        lastAttempt: inFlight.at,
        ...(inFlight.error && { error: inFlight.error }),
      }),
  }))
  return [...failed, ...queued]
}

/** The rejected mutations, all or those named by `seq`. */
async function failedBySeq(tx: Transaction, seqs?: readonly number[]): Promise<FailedMutation[]> {
  const failed = await tx.scan('failed')
  return seqs ? failed.filter(({ seq }) => seqs.includes(seq)) : failed
}

const deleteAll = (
  tx: Transaction,
  store: 'queue' | 'failed',
  mutations: readonly QueuedMutation[],
): Promise<void> =>
  tx.deleteMany(
    store,
    mutations.map(({ seq }) => seq),
  )

/** Queues rejected mutations again, and shows them in their rows. Resolves to their number. */
async function retryFailed(
  { tx, putRows }: WriteTransaction,
  seqs?: readonly number[],
): Promise<number> {
  const device = await deviceOf(tx)
  const failed = await failedBySeq(tx, seqs)
  const queued: QueuedMutation[] = []
  let { seq } = device
  for (const mutation of failed) {
    const { table, id } = mutation
    const retried = { ...omit(mutation, 'error', 'attempts', 'failed_at'), seq: ++seq }
    queued.push(retried)
    await tx.putMany('queue', [retried])
    const stored = await tx.get('rows', [table, id])
    const record = stored ?? { table, id, row: null, version: null }
    const mutations = await tx.scan('queue', { index: 'row', equals: [table, id] })
    await putRows([rebase(record, baseRow(record), mutations)!])
  }
  await deleteAll(tx, 'failed', failed)
  await noteQueued(tx, device, seq, queued)
  return failed.length
}

/** Changes columns of a rejected mutation. */
async function editFailed(tx: Transaction, seq: number, data: Row): Promise<void> {
  const mutation = await tx.get('failed', seq)
  if (!mutation)
    throw new ValidationError({
      code: 'not_found',
      message: `No rejected edit has the number ${seq}.`,
      hint: 'queue.list({ status: "failed" }) lists the rejected edits.',
    })
  if (mutation.op === 'delete')
    throw new ValidationError({
      code: 'invalid_value',
      message: 'The rejected edit is a removal, which has no columns.',
      hint: 'Retry it with queue.retryFailed, or discard it with queue.clearFailed.',
    })
  // `editableColumns` converts to JSON, which leaves out columns that are undefined.
  const next = { ...mutation, data: editableColumns({ ...mutation.data, ...data }) }
  if (mutation.old) {
    // The user has changed these columns now, so the values before the edit are the current ones.
    const row = (await tx.get('rows', [mutation.table, mutation.id]))?.row
    const before = Object.keys(data).map((column) => [column, row?.[column] ?? null])
    const old: Row = { ...mutation.old, ...Object.fromEntries(before) }
    next.old = Object.fromEntries(Object.entries(old).filter(([column]) => column in next.data))
  }
  await tx.putMany('failed', [{ ...next, size: contentSize(next) }])
}

/** Deletes rejected mutations. Resolves to their number. */
async function clearFailed(tx: Transaction, seqs?: readonly number[]): Promise<number> {
  const failed = await failedBySeq(tx, seqs)
  await deleteAll(tx, 'failed', failed)
  return failed.length
}

/** Forgets the acknowledgements up to the time `until`. Resolves to their number. */
async function clearCompleted(tx: Transaction, until: number): Promise<number> {
  const device = await deviceOf(tx)
  const remaining = (device.completions ?? []).filter(([at]) => at > until)
  const completed = remaining.reduce((sum, [, count]) => sum + count, 0)
  await tx.putMany('meta', [{ ...device, completed, completions: remaining }])
  return device.completed - completed
}

/** Deletes all mutations and stores the server's rows. Resolves to the number of mutations. */
async function clear({ tx, putRows, dropRows }: WriteTransaction): Promise<number> {
  const queued = await tx.scan('queue')
  const failed = await tx.scan('failed')
  const stored = await tx.getMany(
    'rows',
    queued.map(({ table, id }) => [table, id] as const),
  )
  const records = stored.filter((record) => record !== undefined)
  const serverRecords = records.map((record) => rebase(record, baseRow(record), []))
  await dropRows(records.filter((_, index) => !serverRecords[index]))
  await putRows(serverRecords.filter((record) => record !== undefined))
  await tx.putMany('meta', [omit(await deviceOf(tx), 'inFlight')])
  await deleteAll(tx, 'queue', queued)
  await deleteAll(tx, 'failed', failed)
  return queued.length + failed.length
}
