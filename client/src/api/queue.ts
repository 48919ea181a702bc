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
import { editable } from '../model/row.ts'
import type { ResultError } from '../model/wire.ts'
import type { Clock } from '../util/clock.ts'
import type { Emitter } from '../util/emitter.ts'
import { omit } from '../util/omit.ts'

/**
 * A mutation in the queue, as the app is told of it. Until it is sent its `seq` may change, where more urgent
 * mutations are put before it.
 */
export interface QueueItem extends Omit<QueuedMutation, 'size'> {
  /** `pending`: not sent yet. `sent`: on its way, or its answer got lost. `failed`: refused, kept with its reason. */
  status: 'pending' | 'sent' | 'failed'
  attempts: number
  /** RFC 3339; when it was last sent. */
  lastAttempt?: string
  /** Why it was refused, or why its last attempt got no answer. */
  error?: Omit<ResultError, 'code'> & { code: string }
}

export interface QueueStats {
  pending: number
  sent: number
  failed: number
  /** Mutations confirmed since `clearCompleted`. They leave the queue at once; only their number is kept. */
  completed: number
}

/** The mutations of this device that the server has not taken. */
export interface Queue {
  stats(): Promise<QueueStats>
  /** In the order in which they will be sent, but for more urgent ones; failed ones first. */
  list(filter?: { status?: QueueItem['status']; table?: string }): Promise<QueueItem[]>
  /**
   * Puts refused mutations back, all or those named by `seq`, as new mutations at the end. Resolves to how many. They
   * keep the date at which they were made: columns that were edited since stay, and the event `lost` names them.
   */
  retryFailed(seqs?: readonly number[]): Promise<number>
  /**
   * Changes columns of a refused mutation, which stays where it is until it is retried; `undefined` leaves a
   * column out. Throws a `ValidationError`: `not_found` where no refused mutation has this `seq`, `invalid_value` for a removal.
   */
  editFailed(seq: number, data: Row): Promise<void>
  /** Throws refused mutations away, all or those named by `seq`. Resolves to how many. */
  clearFailed(seqs?: readonly number[]): Promise<number>
  /**
   * Forgets that mutations were confirmed, all or those `olderThan` so many milliseconds. Resolves to how many;
   * confirmed mutations themselves leave the queue at once.
   */
  clearCompleted(olderThan?: number): Promise<number>
  /**
   * Throws away every mutation, sent or not, refused or not, and shows the rows as the server has them. An
   * mutation that the server already has comes back with the next pull. Resolves to how many were dropped.
   */
  clear(): Promise<number>
}

const only = (row: Row, like: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([column]) => column in like))

/** The queue as the app sees it. */
export function createQueue(
  store: Store,
  clock: Clock,
  /** Told of each call that has changed it. */
  events?: Pick<Emitter<SyncEvents>, 'emit'>,
): Queue {
  async function change<T>(body: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    const result = await store.write('local', body)
    events?.emit('queue_changed', { at: clock.now() })
    return result
  }

  const chosen = (failed: FailedMutation[], seqs?: readonly number[]): FailedMutation[] =>
    seqs ? failed.filter(({ seq }) => seqs.includes(seq)) : failed

  return {
    stats: () =>
      store.read(async (tx) => {
        const { sentSeq, completed } = await deviceOf(tx)
        const queued = await tx.scan('queue')
        const pending = queued.filter(({ seq }) => seq > sentSeq).length
        return {
          pending,
          sent: queued.length - pending,
          failed: await tx.count('failed'),
          completed,
        }
      }),

    list: ({ status, table } = {}) =>
      store.read(async (tx) => {
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
        return [...failed, ...queued].filter(
          (item) => (!status || item.status === status) && (!table || item.table === table),
        )
      }),

    retryFailed: (seqs) =>
      change(async ({ tx, putRows }) => {
        const device = await deviceOf(tx)
        const failed = chosen(await tx.scan('failed'), seqs)
        const queued: QueuedMutation[] = []
        let { seq } = device
        for (const mutation of failed) {
          const { table, id } = mutation
          const again = { ...omit(mutation, 'error', 'attempts', 'failed_at'), seq: ++seq }
          queued.push(again)
          await tx.putMany('queue', [again])
          const record = (await tx.get('rows', [table, id])) ?? {
            table,
            id,
            row: null,
            version: null,
          }
          const mutations = await tx.scan('queue', { index: 'row', equals: [table, id] })
          await putRows([rebase(record, baseRow(record), mutations)!])
        }
        await tx.deleteMany(
          'failed',
          failed.map((mutation) => mutation.seq),
        )
        await noteQueued(tx, device, seq, queued)
        return failed.length
      }),

    editFailed: (seq, data) =>
      change(async ({ tx }) => {
        const mutation = await tx.get('failed', seq)
        if (!mutation)
          throw new ValidationError({ code: 'not_found', message: `No refused mutation ${seq}.` })
        if (mutation.op === 'delete')
          throw new ValidationError({ code: 'invalid_value', message: 'A removal has no columns.' })
        // As JSON, where what is undefined is not there.
        const next = { ...mutation, data: editable({ ...mutation.data, ...data }) }
        if (mutation.old) {
          // Chosen now, over what is there now: a mutation that came in between is not in the way.
          const row = (await tx.get('rows', [mutation.table, mutation.id]))?.row
          const before = Object.keys(data).map((column) => [column, row?.[column] ?? null])
          next.old = only({ ...mutation.old, ...Object.fromEntries(before) }, next.data)
        }
        await tx.putMany('failed', [{ ...next, size: contentSize(next) }])
      }),

    clearFailed: (seqs) =>
      change(async ({ tx }) => {
        const failed = chosen(await tx.scan('failed'), seqs)
        await tx.deleteMany(
          'failed',
          failed.map(({ seq }) => seq),
        )
        return failed.length
      }),

    clearCompleted: (olderThan) =>
      change(async ({ tx }) => {
        const device = await deviceOf(tx)
        const rest = (device.completions ?? []).filter(
          ([at]) => olderThan !== undefined && at > clock.now() - olderThan,
        )
        const completed = rest.reduce((sum, [, count]) => sum + count, 0)
        await tx.putMany('meta', [{ ...device, completed, completions: rest }])
        return device.completed - completed
      }),

    clear: () =>
      change(async ({ tx, putRows, dropRows }) => {
        const queued = await tx.scan('queue')
        const failed = await tx.scan('failed')
        const held = await tx.getMany(
          'rows',
          queued.map(({ table, id }) => [table, id] as const),
        )
        const records = held.filter((record) => record !== undefined)
        const restored = records.map((record) => rebase(record, baseRow(record), []))
        await dropRows(records.filter((_, place) => !restored[place]))
        await putRows(restored.filter((record) => record !== undefined))
        await tx.putMany('meta', [omit(await deviceOf(tx), 'inFlight')])
        await tx.deleteMany(
          'queue',
          queued.map(({ seq }) => seq),
        )
        await tx.deleteMany(
          'failed',
          failed.map(({ seq }) => seq),
        )
        return queued.length + failed.length
      }),
  }
}
