import type { SyncError } from '../model/errors.ts'
import type { DeviceRecord, InFlightBatch, QueuedMutation } from '../model/records.ts'
import { type Clock, timestamp } from '../util/clock.ts'
import { omit } from '../util/omit.ts'
import type { NewId } from '../util/uuid.ts'
import { deviceOf } from './meta.ts'
import { reorder } from './order.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** How much goes into one request. */
export interface BatchLimits {
  /** Mutations; at most 10,000. */
  mutations: number
  /** Characters of their content as JSON. A single mutation may be larger. */
  bytes: number
}

/** Mutations that go out together, in order, in the name of one device id. */
export interface Batch {
  device: string
  /** The batch that this one is a part of, see `InFlightBatch`. */
  batch?: string | undefined
  mutations: QueuedMutation[]
  /** `seq` of the last mutation that the push is about, after a reordering. */
  lastSeq: number
}

/** The mutations that a push is about. */
export interface Selection {
  /** Those with a `seq` up to here. */
  lastSeq: number
  /** Only mutations of these tables, and those that they need. Absent: of all tables. */
  onlyTables?: ReadonlySet<string> | undefined
  /** True for a mutation that cannot go out yet; then nothing behind it goes out either. */
  waits?: (mutation: QueuedMutation) => boolean
}

/**
 * Selects every mutation made so far; with `onlyTables`, puts those of these tables and what they need in front
 * and selects no others.
 */
export async function selectMutations(
  { tx }: WriteTransaction,
  onlyTables: ReadonlySet<string> | undefined,
): Promise<Selection> {
  const device = await deviceOf(tx)
  if (!onlyTables) return { lastSeq: device.seq }
  return { lastSeq: await reorder(tx, device, device.seq, onlyTables), onlyTables }
}

/**
 * The next mutations to send; undefined where none of those selected is queued. They are marked as sent before
 * they go out and are frozen from then on: after a lost answer the same batch goes out again, and the server
 * recognises it by its numbers. Mutations that were never sent may be reordered first.
 */
export async function nextBatch(
  { tx }: WriteTransaction,
  limits: BatchLimits,
  { lastSeq, onlyTables, waits = () => false }: Selection,
  clock: Clock,
): Promise<Batch | undefined> {
  let device = await deviceOf(tx)
  const { inFlight: unanswered } = device
  // All of it, however much that was: the app's limits may have changed since.
  const again =
    unanswered && (await tx.scan('queue')).filter(({ seq }) => seq <= unanswered.lastSeq)
  let queued = await tx.scan('queue', { limit: limits.mutations })
  // A batch is applied as a whole, so the order matters only where not everything goes out in one.
  const whole = fitsOneBatch(queued, limits) && queued.every(({ seq }) => seq <= lastSeq)
  if (!again?.length && device.needsReorder && !whole) {
    lastSeq = await reorder(tx, device, lastSeq, onlyTables)
    device = omit(device, 'needsReorder')
    queued = await tx.scan('queue', { limit: limits.mutations })
  }
  const mutations = again?.length ? again : cutBatch(queued, limits.bytes, lastSeq, waits)
  const last = mutations.at(-1)
  if (!last) return undefined
  if (queued.length === mutations.length && fitsOneBatch(queued, limits))
    device = omit(device, 'lowestPriority', 'needsReorder')
  const before: Omit<InFlightBatch, 'lastSeq' | 'at'> = again?.length
    ? unanswered!
    : { previousSeq: device.sentSeq, attempts: 0 }
  const attempts = before.attempts + 1
  const inFlight = { ...before, lastSeq: last.seq, attempts, at: timestamp(clock) }
  await tx.putMany('meta', [{ ...device, sentSeq: Math.max(device.sentSeq, last.seq), inFlight }])
  return { device: device.id, batch: before.batch, mutations, lastSeq }
}

/** Whether `queued`, the first mutations of the queue, are the whole queue and go into one batch. */
const fitsOneBatch = (
  queued: readonly QueuedMutation[],
  { mutations, bytes }: BatchLimits,
): boolean => queued.length < mutations && queued.reduce((sum, { size }) => sum + size, 0) <= bytes

function cutBatch(
  queued: QueuedMutation[],
  bytes: number,
  lastSeq: number,
  waits: (mutation: QueuedMutation) => boolean,
): QueuedMutation[] {
  let sum = 0
  const end = queued.findIndex((mutation, place) => {
    sum += mutation.size
    return mutation.seq > lastSeq || (place > 0 && sum > bytes) || waits(mutation)
  })
  return end === -1 ? queued : queued.slice(0, end)
}

/** Notes why a batch got no answer; `queue.list()` shows it. */
export async function noteSendFailure(
  { tx }: WriteTransaction,
  { code, message }: SyncError,
): Promise<void> {
  const { inFlight, ...device } = await deviceOf(tx)
  if (!inFlight) return
  await tx.putMany('meta', [{ ...device, inFlight: { ...inFlight, error: { code, message } } }])
}

/**
 * The device under a new id, with its whole queue as if it had never been sent. Numbers go on counting, so that
 * mutations that failed earlier keep theirs.
 */
export function withNewDeviceId(device: DeviceRecord, newId: NewId): DeviceRecord {
  return { ...omit(device, 'inFlight'), id: newId(), sentSeq: 0 }
}

/**
 * Compares the highest `seq` that the server knows of this device id with the highest that this store has sent.
 * Where the server knows more, the store was rolled back or cloned, and its next mutations would pass for
 * duplicates: the device takes a new id. Resolves to true where it did.
 */
export async function ensureUniqueDevice(
  { tx }: WriteTransaction,
  serverSeq: number,
  newId: NewId,
): Promise<boolean> {
  const device = await deviceOf(tx)
  // A batch in flight is sent once more first: the server may know it from this very store.
  const taken = serverSeq > device.sentSeq && !device.inFlight
  if (taken) await tx.putMany('meta', [withNewDeviceId(device, newId)])
  return taken
}
