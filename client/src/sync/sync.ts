import type { SyncContext } from './context.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import type { Run } from './run.ts'
import { verifyTables } from './verify.ts'

/** Which steps a sync has: push and pull, or one of them. */
export type SyncMethod = 'sync' | 'push' | 'pull'

/**
 * One sync, step by step:
 *
 * 1. push, while mutations are queued
 *    - rows with temporary ids get ids of the server (readiness)
 *    - the next batch is taken from the queue and sent; the last batch also requests the first page
 *    - the response is applied to queue and rows; a batch that the server refuses as a whole is split (recovery)
 * 2. pull, while the server has more
 *    - the next page arrives; the page after it is requested
 *    - the page is applied to the rows, with its cursor; a pull that the server refuses is adjusted (recovery)
 * 3. verify, with `verifyAfterSync`: checksums are compared, and rows that differ are fetched
 */
export async function sync(context: SyncContext, run: Run, method: SyncMethod): Promise<void> {
  await context.owner.pin()
  const first = method === 'pull' ? undefined : await push(context, run, method === 'sync')
  if (method === 'push') return
  await pull(context, run, first)
  if (context.settings.verifyAfterSync) await verifyTables(context, run.tables)
}
