import type { SyncContext } from './context.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import type { Run } from './run.ts'
import { verifyTables } from './verify.ts'

/** How a sync moves data: both ways, or one of them. */
export type SyncMethod = 'sync' | 'push' | 'pull'

/**
 * One sync, step by step:
 *
 * 1. push, while mutations are queued
 *    - rows that need an id of the server's get one (readiness)
 *    - the next batch is taken from the queue and frozen; with the last one the first page is asked for
 *    - the response is applied to queue and rows; a batch that the server cannot take is split (recovery)
 * 2. pull, while the server has more
 *    - the next page arrives; the one after it is asked for
 *    - the page is applied to the rows, with its cursor; a pull that the server refuses is adjusted (recovery)
 * 3. verify, where the app asks for it: checksums are compared, and what differs is fetched
 */
export async function sync(context: SyncContext, run: Run, method: SyncMethod): Promise<void> {
  await context.owner.pin()
  const first = method === 'pull' ? undefined : await push(context, run, method === 'sync')
  if (method === 'push') return
  await pull(context, run, first)
  if (context.settings.verifyAfterSync) await verifyTables(context, run.tables)
}
