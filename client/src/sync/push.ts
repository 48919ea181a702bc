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
import { type PrefetchedPage, pullOptions, requestPage, cursorForPull } from './pages.ts'
import { pushProgress } from './progress.ts'
import { assignIds } from './readiness.ts'
import { splitBatch } from './recovery.ts'
import type { Run } from './run.ts'

/** Larger batches are not sent through the function `sync`: copying them costs more than its saved round trip. */
const MAX_COMBINED_MUTATIONS = 200

/** A batch with its response, and the page that was requested with it. */
interface SentBatch {
  batch: Batch
  response: PushAnswer | SyncAnswer
  page?: PrefetchedPage
}

/**
 * Sends every mutation that is queued at the time of the call, batch after batch. With `thenPull` requests the first
 * page of the pull that follows together with the last batch, and resolves to it.
 */
export async function push(
  context: SyncContext,
  run: Run,
  thenPull: boolean,
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
        (attemptSignal) => sendNextBatch(context, run, selection, thenPull, attemptSignal),
        signal,
      )
      if (!sent) {
        // An insert without an id that was queued meanwhile may have blocked the mutations behind it.
        if (await assignIds(context)) continue
        return page
      }
      await applyResponse(context, sent, report)
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

/** Takes the next batch from the queue and sends it. Undefined where no selected mutation can be sent. */
async function sendNextBatch(
  context: SyncContext,
  run: Run,
  selection: Selection,
  thenPull: boolean,
  signal: AbortSignal,
): Promise<SentBatch | undefined> {
  const { settings, store, owner } = context
  const batch = await store.write('local', async (transaction) => {
    await owner.ownedDevice(transaction.tx)
    return nextBatch(transaction, settings.batch, selection, settings.clock)
  })
  if (!batch) return undefined
  // A retry selects the same mutations, which the batch may have renumbered.
  selection.lastSeq = batch.lastSeq
  try {
    return await sendBatch(context, run, batch, thenPull, signal)
  } catch (error) {
    const failure = classify(error)
    await store
      .write('local', (transaction) => noteSendFailure(transaction, failure))
      .catch(() => {})
    throw error
  }
}

/**
 * Sends a batch. With the last batch also requests a page: in the same request where the batch is small, otherwise
 * right after it, so that the server works on the page while the response is applied.
 */
async function sendBatch(
  context: SyncContext,
  run: Run,
  batch: Batch,
  thenPull: boolean,
  signal: AbortSignal,
): Promise<SentBatch> {
  const { settings, store } = context
  const { transport, clock } = settings
  const body = { device_id: batch.device, mutations: batch.mutations.map(toMutation) }
  const pushOptions = {
    protocol: PROTOCOL_VERSION,
    client_time: timestamp(clock),
    batch: batch.batch,
  }
  const withPage = thenPull && batch.mutations.length === store.counts().pending
  if (!withPage || batch.mutations.length > MAX_COMBINED_MUTATIONS || !transport.sync) {
    const response = await transport.push({ ...body, options: pushOptions }, signal)
    return { batch, response, ...(withPage && { page: await requestPage(context, run) }) }
  }
  const { cursor, pages } = await cursorForPull(context)
  const options = { ...pullOptions(context, run.tables), ...pushOptions }
  const response = await transport.sync({ ...body, cursor, options }, signal)
  if (!('changes' in response)) return { batch, response }
  return { batch, response, page: { response: Promise.resolve(response as PullAnswer), pages } }
}

/** Applies a response to queue and rows, adds it to the report and emits its events. */
async function applyResponse(
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
  session.confirmDevice()
  report.pushed += outcome.pushed
  report.merged += outcome.merged
  report.conflicts += outcome.conflicts.length
  report.rejected += outcome.rejected.length
  for (const conflict of outcome.conflicts) events.emit('conflict_detected', conflict)
  for (const lost of outcome.lost) events.emit('lost', lost)
  for (const mutation of outcome.rejected) events.emit('rejected', mutation)
}
