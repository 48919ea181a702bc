import { type Clock, timestamp } from './clock.ts'
import type { SyncError } from './errors.ts'
import { omit } from './omit.ts'
import { baseOf, stack } from './row.ts'
import type { FailedEdit } from './storage.ts'
import { deviceOf } from './store.ts'
import type { Draft } from './store.ts'

/**
 * Narrows the batch that is under way and that the server cannot take as a whole: halves it, or, where
 * it is down to one edit, sets that one aside and resolves to it. A single edit that only took too long
 * is no fault of its own: `error` is thrown.
 */
export async function narrow(
  { tx, put, drop }: Draft,
  error: SyncError,
  clock: Clock,
): Promise<FailedEdit | undefined> {
  const device = await deviceOf(tx)
  const { flight } = device
  if (!flight) return undefined
  const edits = (await tx.scan('queue')).filter(({ seq }) => seq <= flight.to)
  const [edit] = edits
  if (edits.length > 1) {
    const to = edits[Math.ceil(edits.length / 2) - 1]!.seq
    await tx.putMany('meta', [{ ...device, flight: { ...flight, to, attempts: 0 } }])
    return undefined
  }
  if (error.code === 'statement_timeout') throw error
  await tx.putMany('meta', [omit(device, 'flight')])
  if (!edit) return undefined
  const { table, id, seq } = edit
  const failed: FailedEdit = {
    ...edit,
    error: {
      code: error.code === 'batch_too_large' ? 'too_large' : 'malformed',
      message: error.message,
      hint: error.details,
    },
    attempts: flight.attempts,
    failed_at: timestamp(clock),
  }
  await tx.deleteMany('queue', [seq])
  await tx.putMany('failed', [failed])
  const record = await tx.get('rows', [table, id])
  if (!record) return failed
  const rest = await tx.scan('queue', { index: 'row', equals: [table, id] })
  const next = stack(record, baseOf(record), rest)
  if (next) await put([next])
  else await drop([record])
  return failed
}
