import { sha256 } from '@noble/hashes/sha2'
import { bytesToHex } from '@noble/hashes/utils'
import type { Cursor } from '../../../supabase/functions/_tidemark/wire.ts'
import { type Clock, timestamp } from '../util/clock.ts'
import type { SyncError } from '../model/errors.ts'
import type { Emitter, SyncEvents } from '../model/events.ts'
import { omit } from '../util/omit.ts'
import { startAfresh } from '../database/apply-page.ts'
import { toMutation } from '../database/batch.ts'
import { baseOf, stack } from '../model/row.ts'
import type { Run } from './run.ts'
import type { FailedEdit } from '../storage/contract.ts'
import { deviceOf } from '../database/store.ts'
import type { Draft, Store } from '../database/store.ts'

/** It took too long, too much memory, or more than a value or a statement may be: less may do. */
const TOO_MUCH = new Set(['statement_timeout', '53200', '54000'])

/** A pull that was refused. */
interface Refused {
  run: Run
  /** The tables it asked for. */
  tables: readonly string[]
  cursor: Cursor | null
  pageSize: number
  store: Store
  keys: ReadonlyMap<string, string>
  events: Pick<Emitter<SyncEvents>, 'emit'>
}

/**
 * What to ask for instead of the page that was refused: a smaller one, all tables but one that does not
 * sync, or everything afresh. Throws `error` where nothing else makes sense.
 */
export async function askOtherwise(
  error: SyncError,
  { run, tables, cursor, pageSize, store, keys, events }: Refused,
): Promise<Pick<Refused, 'cursor' | 'pageSize'>> {
  const { code, details = '' } = error
  if (TOO_MUCH.has(code) && pageSize > 1) return { cursor, pageSize: Math.ceil(pageSize / 8) }
  if (code !== 'malformed') throw error
  const [, place] = /^options\.tables\[(\d+)\]:/.exec(details) ?? []
  if (place !== undefined && run.tables.length > 1) {
    // The app is older than a schema that dropped or renamed it: the others go on.
    run.tables = run.tables.filter((name) => name !== tables[Number(place)])
    events.emit('sync_error', error)
    return { cursor, pageSize }
  }
  if (cursor === null || !details.startsWith('cursor')) throw error
  // A cursor that the server cannot read, of another version perhaps, is no reason to stay behind.
  await store.write('remote', ({ tx }) => startAfresh(tx, [...keys.keys()]))
  return { cursor: null, pageSize }
}

/**
 * Narrows the batch that is under way and that the server cannot take as a whole: halves it, or, where
 * it is down to one edit, sets that one aside and resolves to it. A single edit that only took too much
 * is no fault of its own: `error` is thrown, as is any other.
 */
export async function narrow(
  { tx, put, drop }: Draft,
  error: SyncError,
  clock: Clock,
): Promise<FailedEdit | undefined> {
  const { code, details } = error
  const ofBatch = code === 'batch_too_large' || TOO_MUCH.has(code)
  if (!ofBatch && !(code === 'malformed' && details?.includes('mutations'))) throw error
  const device = await deviceOf(tx)
  const { flight } = device
  if (!flight) return undefined
  const edits = (await tx.scan('queue')).filter(({ seq }) => seq <= flight.to)
  const [edit] = edits
  if (edits.length > 1) {
    const to = edits[Math.ceil(edits.length / 2) - 1]!.seq
    // Sent as a whole it may have been done, with the answer lost: its parts go by the name that the server
    // gave it. The platform's own digest keeps a transaction waiting for longer than IndexedDB does.
    const batch = flight.batch ?? bytesToHex(sha256(JSON.stringify(edits.map(toMutation))))
    await tx.putMany('meta', [{ ...device, flight: { ...flight, to, attempts: 0, batch } }])
    return undefined
  }
  if (TOO_MUCH.has(code)) throw error
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
