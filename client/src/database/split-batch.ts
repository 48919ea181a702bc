import { sha256 } from '@noble/hashes/sha2'
import { bytesToHex } from '@noble/hashes/utils'
import type { SyncError } from '../model/errors.ts'
import { toMutation } from '../model/mutation.ts'
import type { FailedMutation, InFlightBatch } from '../model/records.ts'
import { type Clock, timestamp } from '../util/clock.ts'
import { omit } from '../util/omit.ts'
import { deviceOf } from './meta.ts'
import { baseRow, rebase } from './rebase.ts'
import type { WriteTransaction } from './write-transaction.ts'

/**
 * Why the server refuses a batch: it takes too much time or memory, it is larger than a request may be, or one of
 * its mutations cannot be read.
 */
export type SplitReason = 'too_much' | 'too_large' | 'malformed'

/**
 * Halves the in-flight batch. Where it has a single mutation, rejects it and resolves to it; with reason `too_much`
 * the mutation is not at fault, and `error` is thrown instead.
 */
export async function splitInFlight(
  { tx, putRows, dropRows }: WriteTransaction,
  reason: SplitReason,
  error: SyncError,
  clock: Clock,
): Promise<FailedMutation | undefined> {
  const device = await deviceOf(tx)
  const { inFlight } = device
  if (!inFlight) return undefined
  const mutations = (await tx.scan('queue')).filter(({ seq }) => seq <= inFlight.lastSeq)
  const [mutation] = mutations
  if (mutations.length > 1) {
    const lastSeq = mutations[Math.ceil(mutations.length / 2) - 1]!.seq
    // The server may have applied the whole batch before its response was lost, under the hash of its mutations as
    // its name; the halves carry that name. Web Crypto is asynchronous, which an IndexedDB transaction does not wait for.
    const batchId =
      inFlight.batchId ?? bytesToHex(sha256(JSON.stringify(mutations.map(toMutation))))
    const half: InFlightBatch = { ...inFlight, lastSeq, attempts: 0, batchId }
    await tx.putMany('meta', [{ ...device, inFlight: half }])
    return undefined
  }
  if (reason === 'too_much') throw error
  await tx.putMany('meta', [omit(device, 'inFlight')])
  if (!mutation) return undefined
  const { table, id, seq } = mutation
  const failed: FailedMutation = {
    ...mutation,
    error: { code: reason, message: error.message, hint: error.details },
    attempts: inFlight.attempts,
    failed_at: timestamp(clock),
  }
  await tx.deleteMany('queue', [seq])
  await tx.putMany('failed', [failed])
  const record = await tx.get('rows', [table, id])
  if (!record) return failed
  const rest = await tx.scan('queue', { index: 'row', equals: [table, id] })
  const next = rebase(record, baseRow(record), rest)
  if (next) await putRows([next])
  else await dropRows([record])
  return failed
}
