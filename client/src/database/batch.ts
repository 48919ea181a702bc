import type { Mutation } from '../../../supabase/functions/_tidemark/wire.ts'
import { type Clock, timestamp } from '../util/clock.ts'
import type { SyncError } from '../model/errors.ts'
import type { NewId } from '../util/uuid.ts'
import { omit } from '../util/omit.ts'
import type { reorder } from './order.ts'
import type { DeviceRecord, Flight, QueuedEdit } from '../storage/contract.ts'
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
  /** Of what it is a part, see `Flight`. */
  batch?: string | undefined
  edits: QueuedEdit[]
  /** The last edit that this push is about, by its number now: urgent edits may have come before it. */
  upTo: number
}

/** Which edits a push is about. */
export interface Wanted {
  /** Those with a `seq` up to here. */
  upTo: number
  /** Of these tables alone, and what they need; absent: of all. */
  only?: ReadonlySet<string> | undefined
  /** True for an edit that cannot go out yet, nor what comes after it. */
  waits?: (edit: QueuedEdit) => boolean
  /** Puts edits in a better order; needed for `only` and where urgent edits wait behind others. */
  reorder?: typeof reorder | undefined
}

/** An edit in the words of the wire. */
export const toMutation = (edit: QueuedEdit): Mutation =>
  omit(edit, 'size', 'rank', 'checksum') as Mutation

/**
 * The next edits to send, or undefined where none of those wanted waits. They are marked as sent before
 * they go out and are frozen from then on, so that after a lost answer the same batch goes out again and
 * the server knows it by its numbers. Until then they may be put in a better order.
 */
export async function take(
  { tx }: Draft,
  limits: BatchLimits,
  { upTo, only, waits = () => false, reorder }: Wanted,
  clock: Clock,
): Promise<Batch | undefined> {
  let device = await deviceOf(tx)
  const { flight: sent } = device
  // However much went out: the limits may be others now.
  const again = sent && (await tx.scan('queue')).filter(({ seq }) => seq <= sent.to)
  let queued = await tx.scan('queue', { limit: limits.mutations })
  // A batch is applied as a whole, so the order matters only where not everything goes out in one.
  const whole = fits(queued, limits) && queued.every(({ seq }) => seq <= upTo)
  if (reorder && !again?.length && device.unordered && !whole) {
    upTo = await reorder(tx, device, upTo, only)
    device = omit(device, 'unordered')
    queued = await tx.scan('queue', { limit: limits.mutations })
  }
  const edits = again?.length ? again : cut(queued, limits.bytes, upTo, waits)
  const last = edits.at(-1)
  if (!last) return undefined
  if (queued.length === edits.length && fits(queued, limits))
    device = omit(device, 'least', 'unordered')
  const before: Omit<Flight, 'to' | 'at'> = again?.length
    ? sent!
    : { above: device.sent, attempts: 0 }
  const attempts = before.attempts + 1
  const flight = { ...before, to: last.seq, attempts, at: timestamp(clock) }
  await tx.putMany('meta', [{ ...device, sent: Math.max(device.sent, last.seq), flight }])
  return { device: device.id, batch: before.batch, edits, upTo }
}

/** Whether `queued`, the first edits that wait, are all of them and go into one batch. */
const fits = (queued: readonly QueuedEdit[], { mutations, bytes }: BatchLimits): boolean =>
  queued.length < mutations && queued.reduce((sum, { size }) => sum + size, 0) <= bytes

/**
 * The number up to which edits of the tables `only` and what they need go out, after these have been put
 * before the others; without `only`, the number of the last edit made so far.
 */
export async function wanted(
  { tx }: Draft,
  { only, reorder }: Pick<Wanted, 'only' | 'reorder'>,
): Promise<Wanted> {
  const device = await deviceOf(tx)
  const { seq } = device
  return only && reorder ? { upTo: await reorder(tx, device, seq, only), only } : { upTo: seq }
}

/** Notes why a batch got no answer, for whoever looks at the queue. */
export async function noteFailure({ tx }: Draft, { code, message }: SyncError): Promise<void> {
  const device = await deviceOf(tx)
  if (!device.flight) return
  await tx.putMany('meta', [{ ...device, flight: { ...device.flight, error: { code, message } } }])
}

function cut(
  queued: QueuedEdit[],
  bytes: number,
  upTo: number,
  waits: (edit: QueuedEdit) => boolean,
): QueuedEdit[] {
  let sum = 0
  const end = queued.findIndex((edit, place) => {
    sum += edit.size
    return edit.seq > upTo || (place > 0 && sum > bytes) || waits(edit)
  })
  return end === -1 ? queued : queued.slice(0, end)
}

/**
 * The device under a new name, with all that waits as if it had never been sent. The numbers go on, so
 * that what failed earlier keeps its own.
 */
export function renamed(device: DeviceRecord, newId: NewId): DeviceRecord {
  return { ...omit(device, 'flight'), id: newId(), sent: 0 }
}

/**
 * Compares what the server has heard under this device's name with what this device has said. If the
 * server knows more, the store was rolled back or cloned: its next edits would pass for duplicates, so
 * it takes a new name. Resolves to true where it did.
 */
export async function checkName({ tx }: Draft, lastSeq: number, newId: NewId): Promise<boolean> {
  const device = await deviceOf(tx)
  // What is under way goes out once more first: the server may know that it was ours.
  const taken = lastSeq > device.sent && !device.flight
  if (taken) await tx.putMany('meta', [renamed(device, newId)])
  return taken
}
