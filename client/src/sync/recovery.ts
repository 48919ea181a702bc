import { startResync } from '../database/resync.ts'
import { splitInFlight, type SplitReason } from '../database/split-batch.ts'
import type { SyncError } from '../model/errors.ts'
import type { FailedMutation } from '../model/records.ts'
import type { Cursor } from '../model/wire.ts'
import type { SyncContext } from './context.ts'
import type { Run } from './run.ts'

/** Took too long, too much memory, or more than a value or a statement may be: less may do. */
const TOO_MUCH = new Set(['statement_timeout', '53200', '54000'])

/**
 * What to do about a pull that the server refused: ask for a smaller page, for all tables but one that is not
 * synced, or for everything afresh. Resolves to the cursor to go on with. Throws `error` where none of these helps.
 */
export async function adjustPull(
  context: SyncContext,
  run: Run,
  { tables, cursor, error }: { tables: readonly string[]; cursor: Cursor | null; error: SyncError },
): Promise<Cursor | null> {
  const { settings, store, events } = context
  const { code, details = '' } = error
  if (TOO_MUCH.has(code) && context.pageSize > 1) {
    context.pageSize = Math.ceil(context.pageSize / 8)
    return cursor
  }
  if (code !== 'malformed') throw error
  const [, place] = /^options\.tables\[(\d+)\]:/.exec(details) ?? []
  if (place !== undefined && run.tables.length > 1) {
    // The app is older than a schema that dropped or renamed the table: the others go on.
    run.tables = run.tables.filter((name) => name !== tables[Number(place)])
    events.emit('sync_error', error)
    return cursor
  }
  if (cursor === null || !details.startsWith('cursor')) throw error
  // A cursor that the server cannot read, of another version perhaps, is no reason to stay behind.
  await store.write('remote', ({ tx }) => startResync(tx, [...settings.keys.keys()]))
  return null
}

/**
 * What to do about a batch that the server cannot take as a whole: send it in halves, down to the one mutation that
 * cannot be taken, which is rejected and resolved to. Throws `error` where that does not help; a single mutation
 * that only took too much is not at fault.
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

function splitReason({ code, details }: SyncError): SplitReason | undefined {
  if (TOO_MUCH.has(code)) return 'too_much'
  if (code === 'batch_too_large') return 'too_large'
  return code === 'malformed' && details?.includes('mutations') ? 'malformed' : undefined
}
