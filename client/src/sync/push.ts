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
import { type PrefetchedPage, pullOptions, requestPage, startOfPull } from './pages.ts'
import { pushProgress } from './progress.ts'
import { assignIds } from './readiness.ts'
import { splitBatch } from './recovery.ts'
import type { Run } from './run.ts'

/** Up to so many mutations, the round trip that the function `sync` saves is worth the copy that it makes. */
const FEW = 200

/** A batch with its answer, and the page that was asked for with it. */
interface SentBatch {
  batch: Batch
  answer: PushAnswer | SyncAnswer
  page?: PrefetchedPage
}

/**
 * Sends every mutation made before it was called, batch after batch, in order. Resolves to the first page of the
 * pull that follows, where `thenPull` says that one does and the page was asked for on the way.
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
  selection.waits = (mutation) => waitsForId(mutation, settings.serverKeys)
  await session.ensureUniqueDevice()
  let page: PrefetchedPage | undefined
  for (;;) {
    try {
      await assignIds(context)
      const sent = await requests.request(
        (until) => sendNextBatch(context, run, selection, thenPull, until),
        signal,
      )
      if (!sent) {
        // A row that was made meanwhile may have been all that kept the rest waiting.
        if (await assignIds(context)) continue
        return page
      }
      await takeResponse(context, sent, report)
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

/** Takes the next batch from the queue and sends it. Undefined where nothing that is selected is queued. */
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
  // Kept through the retries: a batch that goes out again is not reordered again.
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
 * One request. With the last batch a page is asked for: in the same round trip where the batch is small, else right
 * behind it, so that the page is on its way while the answer is applied.
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
  if (!withPage || batch.mutations.length > FEW || !transport.sync) {
    const answer = await transport.push({ ...body, options: pushOptions }, signal)
    return { batch, answer, ...(withPage && { page: await requestPage(context, run) }) }
  }
  const { cursor, pages } = await startOfPull(context)
  const options = { ...pullOptions(context, run.tables), ...pushOptions }
  const answer = await transport.sync({ ...body, cursor, options }, signal)
  if (!('changes' in answer)) return { batch, answer }
  return { batch, answer, page: { response: Promise.resolve(answer as PullAnswer), pages } }
}

/** Applies a response to queue and rows, and tells what it says. */
async function takeResponse(
  { settings, store, session, events }: SyncContext,
  { batch, answer }: SentBatch,
  report: SyncReport,
): Promise<void> {
  if (answer.results.length === 0)
    throw new UnknownError({ code: 'bad_answer', message: 'The server answered no mutation.' })
  const outcome = await store.write('remote', (transaction) =>
    applyPushResponse(transaction, batch, answer, settings),
  )
  session.deviceConfirmed()
  report.pushed += outcome.pushed
  report.merged += outcome.merged
  report.conflicts += outcome.conflicts.length
  report.rejected += outcome.rejected.length
  for (const conflict of outcome.conflicts) events.emit('conflict_detected', conflict)
  for (const lost of outcome.lost) events.emit('lost', lost)
  for (const mutation of outcome.rejected) events.emit('rejected', mutation)
}
