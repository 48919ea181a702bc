import type {
  Cursor,
  PullAnswer,
  PushAnswer,
  SyncAnswer,
} from '../../../supabase/functions/_tidemark/wire.ts'
import { PROTOCOL_VERSION } from '../../../supabase/functions/_tidemark/constants.ts'
import { settle } from '../database/push-response.ts'
import { timestamp } from '../util/clock.ts'
import {
  AuthError,
  classify,
  PermanentError,
  type SyncError,
  UnknownError,
  ValidationError,
} from '../model/errors.ts'
import type { Emitter, Progress, SyncEvents, SyncReport } from '../model/events.ts'
import type { Limit } from '../database/capacity.ts'
import type { Settings } from '../api/options.ts'
import { part } from '../util/part.ts'
import { pullProgress, pushProgress, sizeOf } from './progress.ts'
import { applyPage } from '../database/apply-page.ts'
import { type Batch, noteFailure, take, toMutation, type Wanted, wanted } from '../database/batch.ts'
import type { Requests } from '../transport/requests.ts'
import type { Run } from './run.ts'
import type { Session } from './session.ts'
import type { CursorRecord, DeviceRecord, Transaction } from '../storage/contract.ts'
import { cursorOf, deviceOf, type Store } from '../database/store.ts'

/** Up to so many edits the round trip that the function saves is worth the copy that it makes. */
const FEW = 200

/** A page and the count of pages at which it was asked for. */
interface Coming {
  page: Promise<PullAnswer>
  pages: number
}

/** A batch with its answer, and the page that came with it. */
interface Sent {
  batch: Batch
  answer: PushAnswer | SyncAnswer
  coming?: Coming
}

/** Only what the server has refused, or has no room for, can be put right by asking for something else. */
async function remediesFor(error: SyncError): Promise<typeof import('./recovery.ts')> {
  if (
    error instanceof ValidationError ||
    error instanceof PermanentError ||
    /^5[34]/.test(error.code)
  )
    return part(import('./recovery.ts'))
  throw error
}

/** What a run does: the exchange of edits and rows with the server. */
export interface Exchange {
  /** Sends what waits. */
  push(run: Run): Promise<unknown>
  /** Fetches what is new. */
  pull(run: Run): Promise<unknown>
  /** First the one, then the other. */
  both(run: Run): Promise<unknown>
  /** Before either, once the store has been claimed: it must stay in the hands in which it is now. */
  begin(): Promise<void>
  /** This device. Throws an `AuthError` where the store has been emptied for somebody else since. */
  owned(tx: Transaction): Promise<DeviceRecord>
}

export interface ExchangeDeps {
  settings: Settings
  store: Store
  session: Session
  requests: Requests
  limit: Limit
  events: Pick<Emitter<SyncEvents>, 'emit'>
  /** What knows of keys that the server makes; absent where no table has such. */
  standIns?: (() => Promise<typeof import('../database/temporary-ids.ts')>) | undefined
}

export function createExchange({
  settings,
  store,
  session,
  requests: { request, call },
  limit,
  events,
  standIns,
}: ExchangeDeps): Exchange {
  const { transport, account, clock, newId, keys, serverKeys } = settings
  const createMissing = settings.options.whenMissing === 'create'
  /** Smaller than asked for once a page has taken the database too long. */
  let { pageSize } = settings
  /** In whose hands the store is for the run. */
  let hands: number | undefined

  async function begin(): Promise<void> {
    const device = await store.read(deviceOf)
    // Claimed for whoever is signed in, and nobody's again since: nobody has it for the run.
    hands = device.user === null && (await account.user()) ? NaN : device.hands
  }

  /**
   * Who has signed out of the store may be signed in for a while yet. What a run goes on to fetch with their
   * token is not for whoever is next, nor is what these write theirs to send.
   */
  async function owned(tx: Transaction): Promise<DeviceRecord> {
    const device = await deviceOf(tx)
    if (device.hands !== hands)
      throw new AuthError({ code: 'not_signed_in', message: 'Nobody is signed in any more.' })
    return device
  }

  /**
   * Sends every edit made before it was called, batch after batch, in order. Resolves to the first page
   * of the pull that follows, where one was asked for and came along.
   */
  async function pushAll(run: Run, pullToo: boolean): Promise<Coming | undefined> {
    const { report, only, signal } = run
    await store.open()
    const total = store.counts().pending
    let coming: Coming | undefined
    if (total === 0) return coming
    const reorder = only && (await ordering())
    const edits = await store.write('local', (draft) => wanted(draft, { only, reorder }))
    const keyed = await standIns?.()
    if (keyed) edits.waits = (edit) => keyed.waitsForKey(edit, serverKeys)
    const assignKeys = async () => keyed?.assignAll({ store, events }, serverKeys, call)
    await session.checkName()
    for (;;) {
      try {
        await assignKeys()
        const sent = await request((until) => sendBatch(run, edits, pullToo, until), signal)
        if (!sent && (await assignKeys())) continue
        if (!sent) return coming
        await land(sent, report)
        coming = sent.coming ?? coming
      } catch (error) {
        await goOnWithout(classify(error), report)
      }
      tell(pushProgress(report.pushed + report.rejected, total))
    }
  }

  const pruning = () => part(import('../database/prune.ts'))
  const ordering = async () => (await part(import('../database/order.ts'))).reorder

  /**
   * Sends the next batch. With the one that holds all that is left a page is asked for: of few edits in
   * the same round trip, else right behind it, so that it is on its way while the answer is taken in.
   */
  async function sendBatch(
    run: Run,
    edits: Wanted,
    pullToo: boolean,
    signal: AbortSignal,
  ): Promise<Sent | undefined> {
    if (edits.only || (await store.read(deviceOf)).unordered) edits.reorder = await ordering()
    const batch = await store.write(
      'local',
      async (draft) => (await owned(draft.tx), take(draft, settings.batch, edits, clock)),
    )
    if (!batch) return undefined
    // Kept through the retries: a batch that goes out again is not put in order again.
    edits.upTo = batch.upTo
    try {
      return await post(run, batch, pullToo, signal)
    } catch (error) {
      await store.write('local', (draft) => noteFailure(draft, classify(error))).catch(() => {})
      throw error
    }
  }

  async function post(
    run: Run,
    batch: Batch,
    pullToo: boolean,
    signal: AbortSignal,
  ): Promise<Sent> {
    const body = { device_id: batch.device, mutations: batch.edits.map(toMutation) }
    const pushOptions = { ...callOptions, client_time: timestamp(clock), batch: batch.batch }
    const last = batch.edits.length === store.counts().pending
    if (!pullToo || !last || batch.edits.length > FEW || !transport.sync) {
      const answer = await transport.push({ ...body, options: pushOptions }, signal)
      return { batch, answer, ...(pullToo && last && { coming: await nextPage(run) }) }
    }
    const { cursor, pages } = await whereToGoOn()
    const options = { ...pullOptions(run.tables), ...pushOptions }
    const answer = await transport.sync({ ...body, cursor, options }, signal)
    if (!('changes' in answer)) return { batch, answer }
    return { batch, answer, coming: { page: Promise.resolve(answer as PullAnswer), pages } }
  }

  /** Fetches page after page. While one is applied the next is on its way. */
  async function pullAll(run: Run, first?: Coming): Promise<void> {
    const { report } = run
    if (run.tables.length === 0) return
    await limit.check()
    let { page: coming, pages } = first ?? (await nextPage(run))
    let received = 0
    for (;;) {
      const page = await coming
      run.signal.throwIfAborted()
      if (page.more) coming = prefetch(run, page.cursor)
      const asked = { pages, tables: run.tables, keys }
      const news = await store.write('remote', (draft) => applyPage(draft, page, asked))
      if (news === undefined) {
        // Another tab has pulled meanwhile: go on from where it is.
        ;({ page: coming, pages } = await nextPage(run))
        continue
      }
      pages++
      received += sizeOf(page)
      report.pulled += news
      tell(pullProgress(page, received))
      await limit.check()
      if (!page.more) return keepNewest(run.tables)
    }
  }

  async function keepNewest(tables: readonly string[]): Promise<void> {
    if (tables.every((table) => settings.tables.get(table)?.maxRecords === undefined)) return
    await (await pruning()).keepNewest(store, settings, tables)
  }

  /** The beginning where a table may hold more by now than when rows of it were dropped. */
  async function whereToGoOn(): Promise<CursorRecord> {
    const place = await store.read(cursorOf)
    if (!place.partial) return place
    return (await pruning()).widened(place, settings, store)
  }

  async function nextPage(run: Run): Promise<Coming> {
    const { cursor, pages } = await whereToGoOn()
    return { page: prefetch(run, cursor), pages }
  }

  /** Asks for a page that is awaited later; if something else fails first, nobody awaits it. */
  function prefetch(run: Run, cursor: Cursor | null): Promise<PullAnswer> {
    const page = fetchPage(run, cursor)
    page.catch(() => {})
    return page
  }

  async function fetchPage(run: Run, cursor: Cursor | null): Promise<PullAnswer> {
    const { id } = await store.read(owned)
    const { tables } = run
    try {
      return await request(
        (until) => transport.pull({ device_id: id, cursor, options: pullOptions(tables) }, until),
        run.signal,
      )
    } catch (error) {
      const problem = classify(error)
      const { askOtherwise } = await remediesFor(problem)
      const refused = { run, tables, cursor, pageSize, store, keys, events }
      const next = await askOtherwise(problem, refused)
      pageSize = next.pageSize
      return fetchPage(run, next.cursor)
    }
  }

  /** Takes the answer to a batch into the store and tells of it. */
  async function land({ batch, answer }: Sent, report: SyncReport): Promise<void> {
    if (answer.results.length === 0)
      throw new UnknownError({ code: 'bad_answer', message: 'The server answered no edit.' })
    const settled = await store.write('remote', (draft) =>
      settle(draft, batch, answer, { clock, newId, createMissing }),
    )
    session.nameIsFine()
    report.pushed += settled.pushed
    report.merged += settled.merged
    report.conflicts += settled.conflicts.length
    report.rejected += settled.rejected.length
    for (const conflict of settled.conflicts) events.emit('conflict_detected', conflict)
    for (const lost of settled.lost) events.emit('lost', lost)
    for (const edit of settled.rejected) events.emit('rejected', edit)
  }

  /**
   * Where the server cannot take a batch as a whole, smaller ones are tried, down to the single edit
   * that it cannot take, which is set aside. Any other error is thrown.
   */
  async function goOnWithout(error: SyncError, report: SyncReport): Promise<void> {
    const { narrow } = await remediesFor(error)
    const edit = await store.write('remote', (draft) => narrow(draft, error, clock))
    if (!edit) return
    report.rejected++
    events.emit('rejected', edit)
  }

  const tell = (progress: Progress): void => events.emit('sync_progress', progress)
  const callOptions = { protocol: PROTOCOL_VERSION }
  const pullOptions = (tables: readonly string[]) => ({
    ...callOptions,
    limit: pageSize,
    tables: [...tables],
  })

  return {
    push: (run) => pushAll(run, false),
    pull: (run) => pullAll(run),
    both: async (run) => pullAll(run, await pushAll(run, true)),
    begin,
    owned,
  }
}
