import { startResync } from '../database/resync.ts'
import { splitInFlight, type SplitReason } from '../database/split-batch.ts'
import type { SyncError } from '../model/errors.ts'
import type { FailedMutation } from '../model/records.ts'
import type { Cursor } from '../model/wire.ts'
import type { SyncContext } from './context.ts'
import type { Run } from './run.ts'

/** Errors of a request that needs too much time, memory or space, and that a smaller request may avoid. */
const TOO_MUCH_ERRORS = new Set(['statement_timeout', '53200', '54000'])

/**
 * Adjusts a pull that the server has refused: makes the page smaller, leaves out a table that is not synced any
 * more, or begins a resync. Resolves to the cursor of the next request. Throws `error` where none of these helps.
 */
export async function adjustPull(
  context: SyncContext,
  run: Run,
  { tables, cursor, error }: { tables: readonly string[]; cursor: Cursor | null; error: SyncError },
): Promise<Cursor | null> {
  const { settings, store, events } = context
  const { code, details = '' } = error
  if (TOO_MUCH_ERRORS.has(code) && context.pageSize > 1) {
    context.pageSize = Math.ceil(context.pageSize / 8)
    return cursor
  }
  if (code !== 'malformed') throw error
  const [, refusedIndex] = /^options\.tables\[(\d+)\]:/.exec(details) ?? []
  if (refusedIndex !== undefined && run.tables.length > 1) {
    // The server no longer syncs this table, and the app is older than that change: pull the other tables.
    run.tables = run.tables.filter((name) => name !== tables[Number(refusedIndex)])
    events.emit('sync_error', error)
    return cursor
  }
  if (cursor === null || !details.startsWith('cursor')) throw error
  // The server cannot read the cursor, for example after an upgrade: download everything again.
  await store.write('remote', ({ tx }) => startResync(tx, [...settings.keys.keys()]))
  return null
}

/**
 * Halves a batch that the server refuses as a whole; the next request sends the first half. A batch of a single
 * mutation is rejected, and the call resolves to that mutation. Throws `error` where a smaller batch does not help.
 */
export function splitBatch(
  { settings, store }: SyncContext,
  error: SyncError,
): Promise<FailedMutation | undefined> {
  const reason = splitReason(error)
  if (!reason) throw error
  return store.write('remote', (transaction) =>
    splitInFlight(transaction, reason, error, settings.clock),
  )
}

/** Why a smaller batch may succeed after this error; undefined where it would not. */
function splitReason({ code, details }: SyncError): SplitReason | undefined {
  if (TOO_MUCH_ERRORS.has(code)) return 'too_much'
  if (code === 'batch_too_large') return 'too_large'
  return code === 'malformed' && details?.includes('mutations') ? 'malformed' : undefined
}
