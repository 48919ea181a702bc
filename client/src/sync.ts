import type {
  Cursor,
  PullAnswer,
  PushAnswer,
  SyncAnswer,
} from '../../supabase/functions/_tidemark/wire.ts'
import { PROTOCOL_VERSION } from '../../supabase/functions/_tidemark/constants.ts'
import { settle } from './answer.ts'
import { retry } from './backoff.ts'
import { timestamp } from './clock.ts'
import { classify, NetworkError, type SyncError, UnknownError, ValidationError } from './errors.ts'
import { createEmitter, type SyncEvents, type SyncReport } from './events.ts'
import { createLane } from './lane.ts'
import { settingsOf, type SyncOptions } from './options.ts'
import { pullProgress, pushProgress, sizeOf } from './progress.ts'
import { applyPage } from './pull.ts'
import { type Batch, narrow, noteFailure, take, toMutation, type Wanted, wanted } from './push.ts'
import { createQueue } from './queue.ts'
import { createScheduler } from './scheduler.ts'
import { createSession } from './session.ts'
import { createStore, cursorOf, deviceOf } from './store.ts'
import { createTable } from './table.ts'
import type { Sync, SyncStatus, TableName, TableOf } from './types.ts'

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

/**
 * Makes tables of a Supabase project available on this device, offline first.
 *
 * ```ts
 * const sync = createSync<Database>({ supabase, storage: indexedDbStorage('app'), tables: ['contacts'] })
 * await sync.table('contacts').insert({ name: 'Ada' })
 * await sync.sync()
 * ```
 */
export function createSync<DB = unknown>(options: SyncOptions<TableName<DB>>): Sync<DB> {
  const settings = settingsOf(options)
  const { transport, clock, newId, keys, priorities, network } = settings
  const store = createStore(settings.storage, newId)
  const events = createEmitter<SyncEvents>()
  const lane = createLane()
  const closing = new AbortController()
  const keyColumn = (table: string): string => keys.get(table) ?? 'id'

  /** Smaller than asked for once a page has taken the database too long. */
  let { pageSize } = settings
  let running = false
  let lastSync: SyncStatus['lastSync'] = null
  let lastError: SyncError | null = null

  const session = createSession(store, settings, (device) =>
    request((signal) => transport.register(device, signal)),
  )

  /** One run: push and pull, or one of them. Runs follow each other. */
  function run(name: string, work: (report: SyncReport) => Promise<unknown>): Promise<SyncReport> {
    return lane(name, async () => {
      const report = { pushed: 0, pulled: 0, merged: 0, conflicts: 0, rejected: 0, durationMs: 0 }
      const at = clock.now()
      running = true
      events.emit('sync_started', { at })
      try {
        if (!network.online())
          throw new NetworkError({ code: 'offline', message: 'There is no network.' })
        await session.claim()
        await work(report)
        report.durationMs = clock.now() - at
        lastSync = { at, report }
        lastError = null
      } catch (thrown) {
        lastError = classify(thrown)
        events.emit('sync_error', lastError)
        throw lastError
      } finally {
        running = false
      }
      events.emit('sync_completed', report)
      return report
    })
  }

  const sync = (): Promise<SyncReport> =>
    run('sync', async (report) => pullAll(report, await pushAll(report, true)))
  const push = (): Promise<SyncReport> => run('push', (report) => pushAll(report, false))
  const pull = (): Promise<SyncReport> => run('pull', (report) => pullAll(report))

  /**
   * Sends every edit made before it was called, batch after batch, in order. Resolves to the first page
   * of the pull that follows, where one was asked for and came along.
   */
  async function pushAll(report: SyncReport, pullToo: boolean): Promise<Coming | undefined> {
    const total = store.counts().pending
    let coming: Coming | undefined
    if (total === 0) return coming
    const edits = await store.write('local', (draft) => wanted(draft))
    await session.checkName()
    for (;;) {
      try {
        const sent = await request((signal) => sendBatch(edits, pullToo, signal))
        if (!sent) return coming
        await land(sent, report)
        coming = sent.coming ?? coming
      } catch (error) {
        await goOnWithout(classify(error), report)
      }
      events.emit('sync_progress', pushProgress(report.pushed + report.rejected, total))
    }
  }

  /**
   * Sends the next batch. With the one that holds all that is left a page is asked for: of few edits in
   * the same round trip, else right behind it, so that it is on its way while the answer is taken in.
   */
  async function sendBatch(
    edits: Wanted,
    pullToo: boolean,
    signal: AbortSignal,
  ): Promise<Sent | undefined> {
    const batch = await store.write('local', (draft) => take(draft, settings.batch, edits, clock))
    if (!batch) return undefined
    // Kept through the retries: a batch that goes out again is not put in order again.
    edits.upTo = batch.upTo
    try {
      return await post(batch, pullToo, signal)
    } catch (error) {
      await store.write('local', (draft) => noteFailure(draft, classify(error))).catch(() => {})
      throw error
    }
  }

  async function post(batch: Batch, pullToo: boolean, signal: AbortSignal): Promise<Sent> {
    const body = { device_id: batch.device, mutations: batch.edits.map(toMutation) }
    const last = batch.edits.length === store.counts().pending
    if (!pullToo || !last || batch.edits.length > FEW || !transport.sync) {
      const answer = await transport.push({ ...body, options: pushOptions() }, signal)
      return { batch, answer, ...(pullToo && last && { coming: await nextPage() }) }
    }
    const { cursor, pages } = await store.read(cursorOf)
    const options = { ...pullOptions(), ...pushOptions() }
    const answer = await transport.sync({ ...body, cursor, options }, signal)
    if (!('changes' in answer)) return { batch, answer }
    return { batch, answer, coming: { page: Promise.resolve(answer as PullAnswer), pages } }
  }

  /** Fetches page after page. While one is applied the next is on its way. */
  async function pullAll(report: SyncReport, first?: Coming): Promise<void> {
    let { page: coming, pages } = first ?? (await nextPage())
    let received = 0
    for (;;) {
      const page = await coming
      if (page.more) coming = prefetch(page.cursor)
      const news = await store.write('remote', (draft) => applyPage(draft, page, pages, keyColumn))
      if (news === undefined) {
        // Another tab has pulled meanwhile: go on from where it is.
        ;({ page: coming, pages } = await nextPage())
        continue
      }
      pages++
      received += sizeOf(page)
      report.pulled += news
      events.emit('sync_progress', pullProgress(page, received))
      if (!page.more) return
    }
  }

  async function nextPage(): Promise<Coming> {
    const { cursor, pages } = await store.read(cursorOf)
    return { page: prefetch(cursor), pages }
  }

  /** Asks for a page that is awaited later; if something else fails first, nobody awaits it. */
  function prefetch(cursor: Cursor | null): Promise<PullAnswer> {
    const page = fetchPage(cursor)
    page.catch(() => {})
    return page
  }

  async function fetchPage(cursor: Cursor | null): Promise<PullAnswer> {
    const { id } = await store.read(deviceOf)
    try {
      return await request((signal) =>
        transport.pull({ device_id: id, cursor, options: pullOptions() }, signal),
      )
    } catch (error) {
      if (classify(error).code !== 'statement_timeout' || pageSize === 1) throw error
      pageSize = Math.ceil(pageSize / 8)
      return fetchPage(cursor)
    }
  }

  /** Takes the answer to a batch into the store and tells of it. */
  async function land({ batch, answer }: Sent, report: SyncReport): Promise<void> {
    if (answer.results.length === 0)
      throw new UnknownError({ code: 'bad_answer', message: 'The server answered no edit.' })
    const settled = await store.write('remote', (draft) =>
      settle(draft, batch, answer, clock, newId),
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
    const ofBatch = error.code === 'batch_too_large' || error.code === 'statement_timeout'
    const ofEdit = error.code === 'malformed' && error.details?.includes('mutations')
    if (!ofBatch && !ofEdit) throw error
    const edit = await store.write('remote', (draft) => narrow(draft, error, clock))
    if (!edit) return
    report.rejected++
    events.emit('rejected', edit)
  }

  /** A request, tried again as often as makes sense. */
  const request = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    retry(
      () => work(AbortSignal.any([closing.signal, AbortSignal.timeout(settings.timeout)])),
      settings.backoff,
      clock,
      closing.signal,
    )

  const pushOptions = () => ({ protocol: PROTOCOL_VERSION, client_time: timestamp(clock) })
  const pullOptions = () => ({
    protocol: PROTOCOL_VERSION,
    limit: pageSize,
    tables: [...keys.keys()],
  })

  store.onCommit(({ origin, rows }) => {
    for (const [table, changed] of rows)
      events.emit('change', { table, ids: [...changed.keys()], origin })
  })

  const scheduler = createScheduler({
    ...settings,
    onEdit: (fn) =>
      store.onCommit(({ origin, rows }) => void (origin === 'local' && rows.size && fn())),
    // Whoever wants to know of its failures listens to sync_error.
    run: async () => {
      await sync().catch(() => {})
    },
  })

  const tables = new Map(
    [...keys].map(([name, key]) => [
      name,
      createTable(name, key, { store, clock, newId, priority: priorities.get(name)! }),
    ]),
  )

  return {
    async ready() {
      await store.open()
      scheduler.start()
    },
    table<Name extends TableName<DB>>(name: Name) {
      const table = tables.get(name)
      if (!table)
        throw new ValidationError({
          code: 'unknown_table',
          message: `No table ${name} here.`,
          hint: 'Name it in the tables of createSync.',
        })
      return table as unknown as TableOf<DB, Name>
    },
    sync,
    push,
    pull,
    start: scheduler.start,
    stop: scheduler.stop,
    on: events.on,
    queue: createQueue(store),
    status: () => ({
      state: running ? 'syncing' : 'idle',
      online: network.online(),
      ...store.counts(),
      lastSync,
      lastError,
      nextSync: scheduler.next(),
    }),
    async close() {
      scheduler.stop()
      closing.abort()
      await lane('close', async () => {})
      await store.close()
    },
  }
}
