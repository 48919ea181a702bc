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
import { createDevices } from './devices.ts'
import {
  aborted,
  classify,
  NetworkError,
  SyncError,
  UnknownError,
  ValidationError,
} from './errors.ts'
import { createEmitter, type Progress, type SyncEvents, type SyncReport } from './events.ts'
import { createDamaged } from './damage.ts'
import { createLane, type Lane } from './lane.ts'
import { later } from './later.ts'
import { listen } from './observe/callbacks.ts'
import { createHistory, runRecord } from './observe/history.ts'
import { statsOf } from './observe/stats.ts'
import { intervalsOf, settingsOf, type SyncOptions } from './options.ts'
import { createLimit, dropOldest, partialTables } from './limits.ts'
import { pullProgress, pushProgress, sizeOf } from './progress.ts'
import { createProvider } from './provider.ts'
import { applyPage, startAfresh } from './pull.ts'
import { type Batch, narrow, noteFailure, take, toMutation, type Wanted, wanted } from './push.ts'
import type { Verification } from './maintenance/verify.ts'
import { createQueue } from './queue.ts'
import { createScheduler } from './scheduler.ts'
import { createSession } from './session.ts'
import { assign, standIn, unassigned, waitsForKey } from './server-keys.ts'
import { createStore, cursorOf, deviceOf, type Store } from './store.ts'
import { createTable } from './table.ts'
import { createTabs } from './tabs.ts'
import type { RunOptions, Sync, SyncStatus, TableName, TableOf, Trouble } from './types.ts'
import { waitForSync } from './wait.ts'

/** A run under way. */
interface Run {
  report: SyncReport
  signal: AbortSignal
  tables: readonly string[]
  /** The same, where they are not all. */
  only?: ReadonlySet<string>
  tell(progress: Progress): void
}

/** Refusals after which nothing runs by itself any more: somebody has to do something first. */
const FINAL = new Set(['upgrade_required', 'device_revoked', 'device_of_another_user'])

const isBadCursor = ({ code, details = '' }: SyncError): boolean =>
  code === 'malformed' && details.startsWith('cursor')
const offline = (): NetworkError =>
  new NetworkError({ code: 'offline', message: 'There is no network.' })

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
  const { transport, account, clock, newId, keys, priorities, rules, maxRecords, network } =
    settings
  const events = createEmitter<SyncEvents>()
  const tabs = createTabs(settings.storage.name, settings.tabs)
  const store = createStore(settings.storage, newId, {
    clock,
    tabs,
    withLocal: new Set(settings.local.keys()),
    onDamaged: (record) => events.emit('damaged', record),
  })
  const limit = createLimit(settings.storageLimit, settings.storage, store, priorities, (reached) =>
    events.emit('storage_limit', reached),
  )
  const inLine = createLane()
  const closing = new AbortController()
  /** What is in the lane of this tab waits for those of others. */
  const lane: Lane = (name, work) => inLine(name, () => tabs.alone(work, closing.signal))
  const history = createHistory(store)

  /** Smaller than asked for once a page has taken the database too long. */
  let { pageSize, direction } = settings
  let runs = 0
  let running = false
  /** Another tab is syncing. */
  let elsewhere = false
  let lastSync: SyncStatus['lastSync'] = null
  let lastError: SyncError | null = null

  const session = createSession(store, settings, async (device_id) => {
    const { info } = await store.read(deviceOf)
    const args = { device_id, info: { ...settings.device, ...info } }
    const { last_seq } = await request(
      (signal) => transport.call<{ last_seq: number }>('sync_register_device', args, signal),
      closing.signal,
    )
    return last_seq
  })
  /** The store as the app sees it: not while it holds another account's edits. */
  const admitted: Store = {
    ...store,
    read: async (body) => (await session.admit(), store.read(body)),
    write: async (origin, body) => (await session.admit(), store.write(origin, body)),
  }

  /** One run: push and pull, or one of them. Runs follow each other; only those that ask for nothing special are shared. */
  async function run(
    name: string,
    options: RunOptions,
    work: (run: Run) => Promise<unknown>,
  ): Promise<SyncReport> {
    for (const table of options.tables ?? []) known(table)
    const special = Object.values(options).some((value) => value !== undefined)
    return lane(special ? `${name} ${++runs}` : name, async () => {
      const report = { pushed: 0, pulled: 0, merged: 0, conflicts: 0, rejected: 0, durationMs: 0 }
      const { signal = closing.signal, tables, onProgress } = options
      const at = clock.now()
      let error: SyncError | null = null
      running = true
      tabs.tell({ kind: 'begun' })
      events.emit('sync_started', { at })
      tellStatus()
      const own = createEmitter<Pick<SyncEvents, 'sync_progress'>>()
      if (onProgress) own.on('sync_progress', onProgress)
      try {
        if (!network.online()) throw offline()
        await session.claim()
        const chosen = tables ?? unskipped()
        const run: Run = {
          report,
          signal: AbortSignal.any([closing.signal, signal]),
          tables: chosen,
          ...(chosen.length < keys.size && { only: new Set(chosen) }),
          tell(progress) {
            events.emit('sync_progress', progress)
            own.emit('sync_progress', progress)
          },
        }
        await work(run)
        if (settings.verifyAfterSync && name !== 'push' && name !== 'seed') await compare(run)
        pokes.refresh?.()
      } catch (thrown) {
        const calledOff = signal.aborted && !(thrown instanceof SyncError)
        error = calledOff ? aborted(thrown) : classify(thrown)
      }
      report.durationMs = clock.now() - at
      await history.note(runRecord(name, at, report, error))
      running = false
      lastError = error
      if (!error) {
        lastSync = { at, report }
        tabs.tell({ kind: 'synced', ...lastSync })
      }
      tellStatus()
      if (error) {
        events.emit('sync_error', error)
        throw error
      }
      events.emit('sync_completed', report)
      return report
    })
  }

  const unskipped = (): string[] => [...keys.keys()].filter((table) => !settings.skipped(table))

  const push = (options: RunOptions = {}) => run('push', options, (run) => pushAll(run, false))
  const pull = (options: RunOptions = {}) => run('pull', options, (run) => pullAll(run))
  const both = (options: RunOptions = {}) =>
    run('sync', options, async (run) => pullAll(run, await pushAll(run, true)))
  const sync = (options: RunOptions = {}): Promise<SyncReport> =>
    (direction === 'both' ? both : direction === 'push-only' ? push : pull)(options)

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
    const edits: Wanted = await store.write('local', (draft) => wanted(draft, only))
    edits.waits = (edit) => waitsForKey(edit, settings.serverKeys)
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
      run.tell(pushProgress(report.pushed + report.rejected, total))
    }
  }

  /** Asks for the keys that rows made here wait for. Resolves to whether there were any. */
  async function assignKeys(): Promise<boolean> {
    const { serverKeys } = settings
    if (serverKeys.size === 0) return false
    const waiting = await store.read((tx) => unassigned(tx, serverKeys))
    for (const [table, rows] of waiting) {
      const made = await call<string[]>('sync_new_ids', { table, count: Math.min(rows, 10_000) })
      const assigned = await store.write('remote', (draft) => assign(draft, table, made))
      for (const each of assigned) events.emit('key_assigned', each)
    }
    return waiting.size > 0
  }

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
    const batch = await store.write('local', (draft) => take(draft, settings.batch, edits, clock))
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
    const last = batch.edits.length === store.counts().pending
    if (!pullToo || !last || batch.edits.length > FEW || !transport.sync) {
      const answer = await transport.push({ ...body, options: pushOptions() }, signal)
      return { batch, answer, ...(pullToo && last && { coming: await nextPage(run) }) }
    }
    const { cursor, pages } = await store.read(cursorOf)
    const options = { ...pullOptions(run), ...pushOptions() }
    const answer = await transport.sync({ ...body, cursor, options }, signal)
    if (!('changes' in answer)) return { batch, answer }
    return { batch, answer, coming: { page: Promise.resolve(answer as PullAnswer), pages } }
  }

  /** Fetches page after page. While one is applied the next is on its way. */
  async function pullAll(run: Run, first?: Coming): Promise<void> {
    const { report, tables } = run
    if (tables.length === 0) return
    await limit.check()
    let { page: coming, pages } = first ?? (await nextPage(run))
    let received = 0
    let afresh = false
    for (;;) {
      let page: PullAnswer
      try {
        page = await coming
      } catch (error) {
        // A cursor that the server cannot read, of another version perhaps, is no reason to stay behind.
        if (afresh || !isBadCursor(classify(error))) throw error
        afresh = true
        await store.write('remote', ({ tx }) => startAfresh(tx, [...keys.keys()]))
        ;({ page: coming, pages } = await nextPage(run))
        continue
      }
      run.signal.throwIfAborted()
      if (page.more) coming = prefetch(run, page.cursor)
      const asked = { pages, tables, keys }
      const news = await store.write('remote', (draft) => applyPage(draft, page, asked))
      if (news === undefined) {
        // Another tab has pulled meanwhile: go on from where it is.
        ;({ page: coming, pages } = await nextPage(run))
        continue
      }
      pages++
      received += sizeOf(page)
      report.pulled += news
      run.tell(pullProgress(page, received))
      await limit.check()
      if (!page.more) return keepNewest(run.tables)
    }
  }

  async function keepNewest(tables: readonly string[]): Promise<void> {
    for (const table of tables) {
      const max = maxRecords.get(table)
      if (max !== undefined) await store.write('remote', (draft) => dropOldest(draft, table, max))
    }
  }

  async function nextPage(run: Run): Promise<Coming> {
    const { cursor, pages } = await store.read(cursorOf)
    return { page: prefetch(run, cursor), pages }
  }

  /** Asks for a page that is awaited later; if something else fails first, nobody awaits it. */
  function prefetch(run: Run, cursor: Cursor | null): Promise<PullAnswer> {
    const page = fetchPage(run, cursor)
    page.catch(() => {})
    return page
  }

  async function fetchPage(run: Run, cursor: Cursor | null): Promise<PullAnswer> {
    const { id } = await store.read(deviceOf)
    try {
      return await request(
        (until) => transport.pull({ device_id: id, cursor, options: pullOptions(run) }, until),
        run.signal,
      )
    } catch (error) {
      if (classify(error).code !== 'statement_timeout' || pageSize === 1) throw error
      pageSize = Math.ceil(pageSize / 8)
      return fetchPage(run, cursor)
    }
  }

  /** Takes the answer to a batch into the store and tells of it. */
  async function land({ batch, answer }: Sent, report: SyncReport): Promise<void> {
    if (answer.results.length === 0)
      throw new UnknownError({ code: 'bad_answer', message: 'The server answered no edit.' })
    const settled = await store.write('remote', (draft) => settle(draft, batch, answer, settings))
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

  /** A request, tried again as often as makes sense, with a new token where the old one is refused. */
  function request<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const attempt = (): Promise<T> => {
      signal.throwIfAborted()
      session.check()
      return work(AbortSignal.any([signal, AbortSignal.timeout(settings.timeout)]))
    }
    const authorised = async (): Promise<T> => {
      try {
        return await attempt()
      } catch (error) {
        if (classify(error).status !== 401 || !(await account.renew())) throw error
        return attempt()
      }
    }
    return retry(authorised, settings.backoff, clock, signal)
  }

  const pushOptions = () => ({ protocol: PROTOCOL_VERSION, client_time: timestamp(clock) })
  const pullOptions = ({ tables }: Run) => ({
    protocol: PROTOCOL_VERSION,
    limit: pageSize,
    tables: [...tables],
  })

  function known(table: string): void {
    if (keys.has(table)) return
    throw new ValidationError({
      code: 'unknown_table',
      message: `No table ${table} here.`,
      hint: 'Name it in the tables of createSync.',
    })
  }

  tabs.listen(async (message) => {
    if (message.kind === 'synced' && message.at >= (lastSync?.at ?? 0))
      lastSync = { at: message.at, report: message.report }
    if (message.kind !== 'begun') return
    elsewhere = true
    tellStatus()
    // Free again when the other tab is done, or gone.
    await tabs.alone(async () => {}, closing.signal).catch(() => {})
    elsewhere = false
    tellStatus()
  })

  store.onCommit(({ origin, rows }) => {
    for (const [table, changed] of rows)
      events.emit('change', { table, ids: [...changed.keys()], origin })
    tellStatus()
  })
  const unwatch = network.watch((online) => {
    events.emit(online ? 'online' : 'offline', { at: clock.now() })
    tellStatus()
  })
  listen(events.on, options)

  const pokes = settings.pokes(async () => (await store.read(cursorOf)).scopes ?? [])
  const scheduler = createScheduler({
    ...settings,
    pokes,
    onEdit: (fn) =>
      store.onCommit(
        ({ origin, rows, elsewhere }) =>
          void (origin === 'local' && !elsewhere && rows.size && fn()),
      ),
    onSignIn,
    waiting: () => store.counts().pending > 0,
    run: bySelf,
  })

  /** Not for the user who is there when it is asked for. */
  function onSignIn(fn: () => void): () => void {
    let last: string | null | undefined
    return account.watch((user) => {
      const isNew = last !== undefined && user !== null && user !== last
      last = user
      if (isNew) fn()
    })
  }

  /** A run that nobody asked for. Whoever wants to know of its failures listens to `sync_error`. */
  async function bySelf(): Promise<boolean> {
    if (lastError && FINAL.has(lastError.code)) return false
    try {
      if ((await account.user()) === null) return false
      await sync()
      return false
    } catch (error) {
      return classify(error).retryable
    }
  }

  const queue = createQueue(admitted, clock)
  const tables = new Map(
    [...keys].map(([name, key]) => [
      name,
      createTable(name, key, {
        store: admitted,
        clock,
        newId,
        createMissing: settings.createMissing,
        priority: priorities.get(name)!,
        ...(settings.local.has(name) && { local: settings.local.get(name)! }),
        ...(settings.serverKeys.has(name) && { newKey: standIn }),
        standIns: settings.serverKeys.size > 0,
        admit: limit.admit,
        validate: rules.get(name),
      }),
    ]),
  )

  /** Database functions, called one after the other in a lane of their own run. */
  const call = <T>(name: string, args: object): Promise<T> =>
    request((signal) => transport.call<T>(name, args, signal), closing.signal)

  /** Compares with the server what a run has fetched, and heals it; not what is held in part on purpose. */
  async function compare({ tables }: Pick<Run, 'tables'>, heal = true): Promise<Verification> {
    const { verify } = await import('./maintenance/verify.ts')
    const partial = await store.read(partialTables)
    const whole = tables.filter((table) => !partial.includes(table))
    const found = await verify({ store, keys, call }, { tables: whole, heal })
    events.emit('verified', found)
    return found
  }

  /** The same, for the account that is signed in and no other. */
  async function rpc<T>(name: string, args: object): Promise<T> {
    await session.claim()
    return call<T>(name, args)
  }

  /** The same, without trying again: for whoever wants to know how things are, and soon. */
  async function ask<T>(name: string, args: object): Promise<T> {
    if (!network.online()) throw offline()
    await session.claim()
    const { timeout } = settings
    return transport.call<T>(
      name,
      args,
      AbortSignal.any([closing.signal, AbortSignal.timeout(timeout)]),
    )
  }

  const conflicts = later(
    async () =>
      (await import('./conflicts/conflicts.ts')).createConflicts({
        store: admitted,
        clock,
        keys,
        call: rpc,
        async insert(table, row) {
          await tables.get(table)!.insert(row)
        },
        async onResolved(resolved) {
          await history.noteResolved()
          events.emit('conflict_resolved', resolved)
        },
      }),
    ['list', 'resolve'],
  )
  const provider = createProvider({
    connection: settings.connection,
    call: ask,
    online: network.online,
    lastError: () => lastError,
  })

  const status = (): SyncStatus => ({
    state: running || elsewhere ? 'syncing' : 'idle',
    online: network.online(),
    ...store.counts(),
    lastSync,
    lastError,
    nextSync: scheduler.next(),
  })
  const tellStatus = (): void => events.emit('status', status())

  /** Work on the store that must not meet a run. */
  const alone = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    lane(`${name} ${++runs}`, work)

  const verify = (options: { tables?: readonly string[]; heal?: boolean } = {}) =>
    alone('verify', async () => {
      for (const table of options.tables ?? []) known(table)
      await session.claim()
      return compare({ tables: options.tables ?? unskipped() }, options.heal)
    })

  const repair = () =>
    alone('repair', async () => {
      const { repair } = await import('./maintenance/repair.ts')
      return admitted.write('local', (draft) => repair(draft, clock))
    })

  const startAgain = () =>
    alone('start afresh', () => store.write('local', ({ tx }) => startAfresh(tx, [...keys.keys()])))

  /** See {@link Sync.recover}. */
  async function recover(from?: Trouble): Promise<SyncReport> {
    if (from === 'partial-sync') return both()
    await repair()
    if (from === undefined || from === 'corruption') {
      const report = await both()
      const { inSync } = await verify()
      if (inSync || (await verify()).inSync) return report
    }
    await startAgain()
    return both()
  }

  return {
    async ready() {
      await store.open()
      await session.begin()
      scheduler.start()
    },
    table<Name extends TableName<DB>>(name: Name) {
      known(name)
      return tables.get(name) as unknown as TableOf<DB, Name>
    },
    sync,
    push,
    pull,
    seed: (options = {}) => run('seed', options, (run) => pushAll(run, false)),
    hydrate: (options = {}) => run('hydrate', options, (run) => pullAll(run)),
    async forceSyncAll(options = {}) {
      await admitted.read(async () => {})
      await queue.retryFailed()
      const report = await both({ ...options })
      await verify()
      return report
    },
    waitForSync: (options = {}) =>
      waitForSync(
        {
          sync: (signal) => both({ signal }),
          onRejected: (fn) => events.on('rejected', fn),
          network,
          backoff: settings.backoff,
          clock,
        },
        options,
      ),
    verify,
    repair,
    recover,
    optimize: () =>
      alone('optimize', async () => {
        const { optimize } = await import('./maintenance/repair.ts')
        return admitted.write('local', optimize)
      }),
    signOut: (options = {}) => session.signOut(options, async () => (await push()).pushed),
    renewDevice: () =>
      alone('renew device', async () => {
        await session.renewDevice()
        lastError = null
      }),
    configure({ mode, debounce, interval, direction: way = direction }) {
      direction = way
      scheduler.change({
        ...(mode !== undefined && { modes: [mode].flat() }),
        ...(debounce !== undefined && { debounce }),
        ...(interval !== undefined && { intervals: intervalsOf(interval) }),
      })
    },
    start: scheduler.start,
    stop: scheduler.stop,
    on: events.on,
    queue,
    damaged: createDamaged(admitted),
    conflicts,
    devices: createDevices(admitted, rpc, settings.device),
    provider,
    status,
    stats: () => statsOf(admitted, history, status()),
    health: async () => (await import('./observe/health.ts')).healthOf({ store, provider, status }),
    async close() {
      scheduler.stop()
      session.close()
      unwatch()
      closing.abort()
      await inLine('close', async () => {})
      await store.close()
    },
  }
}
