import { cursorOf } from '../database/meta.ts'
import { resyncIfLimitsRaised } from '../database/prune.ts'
import { classify } from '../model/errors.ts'
import type { CursorRecord } from '../model/records.ts'
import { type Cursor, PROTOCOL_VERSION, type PullAnswer } from '../model/wire.ts'
import type { SyncContext } from './context.ts'
import { adjustPull } from './recovery.ts'
import type { Run } from './run.ts'

/** A requested page, and the number of pages that were applied when it was requested. */
export interface PrefetchedPage {
  response: Promise<PullAnswer>
  pages: number
}

/** The options of a pull request. */
export const pullOptions = ({ pageSize }: SyncContext, tables: readonly string[]) => ({
  protocol: PROTOCOL_VERSION,
  limit: pageSize,
  tables: [...tables],
})

/** The cursor from which the next pull starts; null where a raised limit makes a resync necessary. */
export async function cursorForPull({ settings, store }: SyncContext): Promise<CursorRecord> {
  const cursor = await store.read(cursorOf)
  return cursor.pruned ? resyncIfLimitsRaised(cursor, settings, store) : cursor
}

/** Requests the page after the stored cursor. */
export async function startPageRequest(context: SyncContext, run: Run): Promise<PrefetchedPage> {
  const { cursor, pages } = await cursorForPull(context)
  return { response: prefetch(context, run, cursor), pages }
}

/** Requests a page that is awaited later, or never where another step fails first. */
export function prefetch(
  context: SyncContext,
  run: Run,
  cursor: Cursor | null,
): Promise<PullAnswer> {
  const page = fetchPage(context, run, cursor)
  page.catch(() => {})
  return page
}

/** Requests a page; after a refusal that `adjustPull` can solve, requests it again. */
async function fetchPage(
  context: SyncContext,
  run: Run,
  cursor: Cursor | null,
): Promise<PullAnswer> {
  const { settings, store, owner, requests } = context
  const { id } = await store.read(owner.ownedDevice)
  const { tables } = run
  try {
    return await requests.request(
      (signal) =>
        settings.transport.pull(
          { device_id: id, cursor, options: pullOptions(context, tables) },
          signal,
        ),
      run.signal,
    )
  } catch (error) {
    const next = await adjustPull(context, run, { tables, cursor, error: classify(error) })
    return fetchPage(context, run, next)
  }
}
