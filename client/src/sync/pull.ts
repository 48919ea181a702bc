import { applyPage } from '../database/apply-page.ts'
import { keepNewest } from '../database/prune.ts'
import type { SyncContext } from './context.ts'
import { prefetch, type PrefetchedPage, startPageRequest } from './pages.ts'
import { pullProgress, rowsOnPage } from './progress.ts'
import type { Run } from './run.ts'

/** Applies page after page until the server has no more. Requests the next page before it applies one. */
export async function pull(context: SyncContext, run: Run, first?: PrefetchedPage): Promise<void> {
  const { settings, store, capacity, events } = context
  if (run.tables.length === 0) return
  await capacity.check()
  let { response, pages } = first ?? (await startPageRequest(context, run))
  let received = 0
  for (;;) {
    const page = await response
    run.signal.throwIfAborted()
    if (page.more) response = prefetch(context, run, page.cursor)
    const request = { pages, tables: run.tables, keys: settings.keys }
    const changed = await store.write('remote', (transaction) =>
      applyPage(transaction, page, request),
    )
    if (changed === undefined) {
      // Another tab has applied a page since this one was requested: continue from the stored cursor.
      ;({ response, pages } = await startPageRequest(context, run))
      continue
    }
    pages++
    received += rowsOnPage(page)
    run.report.pulled += changed
    events.emit('sync_progress', pullProgress(page, received))
    await capacity.check()
    if (!page.more) return keepNewest(store, settings.tables, run.tables)
  }
}
