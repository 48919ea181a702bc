import type { SyncError } from '../model/errors.ts'
import type { DeviceRecord, InFlightBatch, QueuedMutation } from '../model/records.ts'
import { type Clock, timestamp } from '../util/clock.ts'
import { omit } from '../util/omit.ts'
import type { NewId } from '../util/uuid.ts'
import { deviceOf } from './meta.ts'
import { reorder } from './order.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** The limits of one push request. */
export interface BatchLimits {
  /** Number of mutations; at most 10,000. */
  mutations: number
  /** Number of characters of their content as JSON. A single mutation may be larger. */
  bytes: number
}

/** Mutations that one request sends, in order. */
export interface Batch {
  /** The device id under which the mutations are numbered. */
  deviceId: string
  /** The name of the larger batch that this one is a part of, see `InFlightBatch`. */
  batchId?: string | undefined
  mutations: QueuedMutation[]
  /** `Selection.lastSeq`, adjusted where the queue was reordered. */
  selectionEnd: number
}

/** The mutations that a push sends. */
export interface Selection {
  /** The highest `seq` to send. */
  selectionEnd: number
  /** Only mutations of these tables, and those that they depend on. Absent: of all tables. */
  onlyTables?: ReadonlySet<string> | undefined
  /** True for a mutation that cannot be sent yet; no mutation behind it is sent either. */
  isBlocked?: (mutation: QueuedMutation) => boolean
}

/**
 * Selects every mutation that is queued now. With `onlyTables` moves the mutations of these tables, and those that
 * they depend on, to the front of the queue and selects only these.
 */
export async function selectMutations(
  { tx }: WriteTransaction,
  onlyTables: ReadonlySet<string> | undefined,
): Promise<Selection> {
  const device = await deviceOf(tx)
  if (!onlyTables) return { selectionEnd: device.seq }
  return { selectionEnd: await reorder(tx, device, device.seq, onlyTables), onlyTables }
}

/**
 * The next batch to send; undefined where no selected mutation can be sent. An in-flight batch comes first, unchanged:
 * the server recognises it by its numbers. Otherwise pending mutations are taken from the queue, reordered first
 * where needed, and marked as in flight before they are sent.
 */
export async function nextBatch(
  { tx }: WriteTransaction,
  limits: BatchLimits,
  { selectionEnd, onlyTables, isBlocked = () => false }: Selection,
  clock: Clock,
): Promise<Batch | undefined> {
  let device = await deviceOf(tx)
  const { inFlight: unanswered } = device
  // The whole batch, whatever its size: the limits may have changed since it was sent.
  const inFlightMutations =
    unanswered && (await tx.scan('queue')).filter(({ seq }) => seq <= unanswered.lastSeq)
  const resend = !!inFlightMutations?.length
  let queued = await tx.scan('queue', { limit: limits.mutations })
  // The server applies a batch as a whole, so the order matters only where the queue needs several batches.
  const oneBatch = fitsOneBatch(queued, limits) && queued.every(({ seq }) => seq <= selectionEnd)
  if (!resend && device.needsReorder && !oneBatch) {
    selectionEnd = await reorder(tx, device, selectionEnd, onlyTables)
    device = omit(device, 'needsReorder')
    queued = await tx.scan('queue', { limit: limits.mutations })
  }
  const mutations = resend
    ? inFlightMutations
    : cutBatch(queued, limits.bytes, selectionEnd, isBlocked)
  const last = mutations.at(-1)
  if (!last) return undefined
  if (queued.length === mutations.length && fitsOneBatch(queued, limits))
    device = omit(device, 'lowestPriority', 'needsReorder')
  const previous: Omit<InFlightBatch, 'lastSeq' | 'at'> = resend
    ? unanswered!
    : { previousSeq: device.sentSeq, attempts: 0 }
  const attempts = previous.attempts + 1
  const inFlight = { ...previous, lastSeq: last.seq, attempts, at: timestamp(clock) }
  await tx.putMany('meta', [{ ...device, sentSeq: Math.max(device.sentSeq, last.seq), inFlight }])
  return { deviceId: device.id, batchId: previous.batchId, mutations, selectionEnd }
}

/** Whether `queued`, the first mutations of the queue, are the whole queue and fit into one batch. */
const fitsOneBatch = (
  queued: readonly QueuedMutation[],
  { mutations, bytes }: BatchLimits,
): boolean => queued.length < mutations && queued.reduce((sum, { size }) => sum + size, 0) <= bytes

/** The first of the queued mutations: within the size limit, up to `lastSeq`, before a blocked one. */
function cutBatch(
  queued: QueuedMutation[],
  bytes: number,
  lastSeq: number,
  isBlocked: (mutation: QueuedMutation) => boolean,
): QueuedMutation[] {
  let sum = 0
  const end = queued.findIndex((mutation, index) => {
    sum += mutation.size
    return mutation.seq > lastSeq || (index > 0 && sum > bytes) || isBlocked(mutation)
  })
  return end === -1 ? queued : queued.slice(0, end)
}

/** Stores why the request of the in-flight batch failed; `queue.list()` shows the error. */
export async function noteSendFailure(
  { tx }: WriteTransaction,
  { code, message }: SyncError,
): Promise<void> {
  const { inFlight, ...device } = await deviceOf(tx)
  if (!inFlight) return
  await tx.putMany('meta', [{ ...device, inFlight: { ...inFlight, error: { code, message } } }])
}

/**
 * The device record with a new id; every queued mutation is pending again. The numbers are not restarted, so that
 * rejected mutations keep theirs.
 */
export function withNewDeviceId(device: DeviceRecord, newId: NewId): DeviceRecord {
  return { ...omit(device, 'inFlight'), id: newId(), sentSeq: 0 }
}

/**
 * Gives the device a new id where the server knows a higher `seq` of this id than this store has sent: the store
 * was rolled back or cloned, and the server would take its next mutations for duplicates. Resolves to true where the
 * id is new.
 */
export async function replaceDuplicateDevice(
  { tx }: WriteTransaction,
  serverSeq: number,
  newId: NewId,
): Promise<boolean> {
  const device = await deviceOf(tx)
  // An in-flight batch is sent again first: the server may know the higher numbers from this store.
  const taken = serverSeq > device.sentSeq && !device.inFlight
  if (taken) await tx.putMany('meta', [withNewDeviceId(device, newId)])
  return taken
}
