import { cursorOf } from '../database/meta.ts'
import { resyncIfWidened } from '../database/prune.ts'
import { classify } from '../model/errors.ts'
import type { CursorRecord } from '../model/records.ts'
import { type Cursor, PROTOCOL_VERSION, type PullAnswer } from '../model/wire.ts'
import type { SyncContext } from './context.ts'
import { adjustPull } from './recovery.ts'
import type { Run } from './run.ts'

/** A page on its way, and the count of applied pages at which it was asked for. */
export interface PrefetchedPage {
  response: Promise<PullAnswer>
  pages: number
}

/** What every pull of `tables` asks for. */
export const pullOptions = ({ pageSize }: SyncContext, tables: readonly string[]) => ({
  protocol: PROTOCOL_VERSION,
  limit: pageSize,
  tables: [...tables],
})

/** Where the next pull starts: the beginning where a table may hold more by now than when rows of it were pruned. */
export async function startOfPull({ settings, store }: SyncContext): Promise<CursorRecord> {
  const place = await store.read(cursorOf)
  return place.pruned ? resyncIfWidened(place, settings, store) : place
}

/** Asks for the page at which the store stands. */
export async function requestPage(context: SyncContext, run: Run): Promise<PrefetchedPage> {
  const { cursor, pages } = await startOfPull(context)
  return { response: prefetch(context, run, cursor), pages }
}

/** Asks for a page that is awaited later, or never where another step fails first. */
export function prefetch(
  context: SyncContext,
  run: Run,
  cursor: Cursor | null,
): Promise<PullAnswer> {
  const page = fetchPage(context, run, cursor)
  page.catch(() => {})
  return page
}

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
