import {
  type Batch,
  nextBatch,
  noteSendFailure,
  type Selection,
  selectMutations,
} from '../database/batch.ts'
import { applyPushResponse } from '../database/push-response.ts'
import { waitsForId } from '../database/temporary-ids.ts'
import { classify, UnknownError } from '../model/errors.ts'
import { toMutation } from '../model/mutation.ts'
import type { SyncReport } from '../model/report.ts'
import {
  PROTOCOL_VERSION,
  type PullAnswer,
  type PushAnswer,
  type SyncAnswer,
} from '../model/wire.ts'
import { timestamp } from '../util/clock.ts'
import type { SyncContext } from './context.ts'
import { type PrefetchedPage, pullOptions, startPageRequest, cursorForPull } from './pages.ts'
import { pushProgress } from './progress.ts'
import { assignIds } from './readiness.ts'
import { splitBatch } from './recovery.ts'
import type { Run } from './run.ts'

/**
 * The most mutations that go through the edge function `sync`: for the function, copying a larger batch costs more time
 * than the round trip that the function saves.
 */
const MAX_COMBINED_MUTATIONS = 200

/** A batch with its response, and the page that was requested with it. */
interface SentBatch {
  batch: Batch
  response: PushAnswer | SyncAnswer
  page?: PrefetchedPage
}

/**
 * Sends the mutations that are queued at the time of the call, batch after batch, and applies each response; of
 * `run.onlyTables` and what these need, if those are given. With `prefetchPage`, a batch that empties the queue also
 * requests the first page of the pull that follows. Resolves to that page; to undefined if none was requested.
 */
export async function push(
  context: SyncContext,
  run: Run,
  prefetchPage: boolean,
): Promise<PrefetchedPage | undefined> {
  const { settings, store, session, requests, events } = context
  const { report, onlyTables, signal } = run
  await store.open()
  const total = store.counts().pending
  if (total === 0) return undefined
  const selection = await store.write('local', (transaction) =>
    selectMutations(transaction, onlyTables),
  )
  selection.isBlocked = (mutation) => waitsForId(mutation, settings.serverKeys)
  await session.ensureUniqueDevice()
  let page: PrefetchedPage | undefined
  for (;;) {
    try {
      await assignIds(context)
      const sent = await requests.request(
        (attemptSignal) => sendNextBatch(context, run, selection, prefetchPage, attemptSignal),
        signal,
      )
      if (!sent) {
        // A row that was inserted meanwhile may wait for its id, and block selected mutations behind it.
        if (await assignIds(context)) continue
        return page
      }
      await applyAndReport(context, sent, report)
      page = sent.page ?? page
    } catch (error) {
      const rejected = await splitBatch(context, classify(error))
      if (rejected) {
        report.rejected++
        events.emit('rejected', rejected)
      }
    }
    events.emit('sync_progress', pushProgress(report.pushed + report.rejected, total))
  }
}

/**
 * Marks the next batch as in flight and sends it; a failure is recorded in the store. Resolves to undefined if no
 * selected mutation can be sent. Moves the end of `selection`, since the batch may have renumbered mutations.
 */
async function sendNextBatch(
  context: SyncContext,
  run: Run,
  selection: Selection,
  prefetchPage: boolean,
  signal: AbortSignal,
): Promise<SentBatch | undefined> {
  const { settings, store, owner } = context
  const batch = await store.write('local', async (transaction) => {
    await owner.ownedDevice(transaction.tx)
    return nextBatch(transaction, settings.batch, selection, settings.clock)
  })
  if (!batch) return undefined
  selection.selectionEnd = batch.selectionEnd
  try {
    return await sendBatch(context, run, batch, prefetchPage, signal)
  } catch (error) {
    const failure = classify(error)
    // A store that fails, too, must not hide why the request failed.
    await store
      .write('local', (transaction) => noteSendFailure(transaction, failure))
      .catch(() => {})
    throw error
  }
}

/**
 * Sends a batch. With `prefetchPage`, the batch that holds the whole queue also requests a page: in the same request if
 * the transport has `sync` and the batch is small, otherwise in a second one that is started and not awaited, so that
 * the server works on the page while the response is applied.
 */
async function sendBatch(
  context: SyncContext,
  run: Run,
  batch: Batch,
  prefetchPage: boolean,
  signal: AbortSignal,
): Promise<SentBatch> {
  const { settings, store } = context
  const { transport, clock } = settings
  const body = { device_id: batch.deviceId, mutations: batch.mutations.map(toMutation) }
  const pushOptions = {
    protocol: PROTOCOL_VERSION,
    client_time: timestamp(clock),
    batch: batch.batchId,
  }
  const withPage = prefetchPage && batch.mutations.length === store.counts().pending
  if (!withPage || batch.mutations.length > MAX_COMBINED_MUTATIONS || !transport.sync) {
    const response = await transport.push({ ...body, options: pushOptions }, signal)
    return { batch, response, ...(withPage && { page: await startPageRequest(context, run) }) }
  }
  const { cursor, pages } = await cursorForPull(context)
  const options = { ...pullOptions(context, run.tables), ...pushOptions }
  const response = await transport.sync({ ...body, cursor, options }, signal)
  // The function has applied the push, and could not pull: the page is requested by the pull that follows.
  if (!('changes' in response)) return { batch, response }
  return { batch, response, page: { response: Promise.resolve(response as PullAnswer), pages } }
}

/** Applies a response to the queue and the rows, adds it to the report and emits its events. */
async function applyAndReport(
  { settings, store, session, events }: SyncContext,
  { batch, response }: SentBatch,
  report: SyncReport,
): Promise<void> {
  if (response.results.length === 0)
    throw new UnknownError({
      code: 'bad_answer',
      message: 'The response of the server has no result for any edit.',
    })
  const outcome = await store.write('remote', (transaction) =>
    applyPushResponse(transaction, batch, response, settings),
  )
  session.markDeviceConfirmed()
  report.pushed += outcome.pushed
  report.merged += outcome.merged
  report.conflicts += outcome.conflicts.length
  report.rejected += outcome.rejected.length
  for (const conflict of outcome.conflicts) events.emit('conflict_detected', conflict)
  for (const lost of outcome.lost) events.emit('lost', lost)
  for (const mutation of outcome.rejected) events.emit('rejected', mutation)
}
