import { aborted, classify, SyncError } from '../model/errors.ts'
import { type Emitter, emptyReport, type SyncEvents, type SyncReport } from '../model/events.ts'
import { createLane } from '../util/serial-queue.ts'
import type { Settings } from '../api/options.ts'
import { offline } from '../transport/requests.ts'
import type { Store } from '../database/store.ts'
import type { Tabs } from '../platform/tabs.ts'
import type { RunOptions, SyncStatus } from '../api/types.ts'
import { until } from '../util/with-signal.ts'

/** A run under way. */
export interface Run {
  /** What it has done so far. */
  report: SyncReport
  signal: AbortSignal
  tables: readonly string[]
  /** The same, where they are not all. */
  only?: ReadonlySet<string>
}

/** Runs, one after the other, in all tabs that share the store. */
export interface Runs {
  /** One run, told of from begin to end. Only runs that ask for nothing special are shared. */
  run(name: string, options: RunOptions, work: (run: Run) => Promise<unknown>): Promise<SyncReport>
  /** Work on the store that must not meet a run. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>
  state(): Pick<SyncStatus, 'state' | 'lastSync' | 'lastError'>
  /** Forgets what the last run failed with. */
  forgive(): void
  /** Resolves when nothing runs any more. */
  end(): Promise<void>
}

export interface RunsDeps {
  settings: Settings
  store: Store
  tabs: Tabs
  events: Emitter<SyncEvents>
  /** Aborts when the sync is closed. */
  closing: AbortSignal
  /** Before a run: throws where the account that is signed in must not have one. */
  claim(): Promise<void>
  /** The state may have changed. */
  tellStatus(): void
}

export function createRuns({
  settings: { clock, network, keys, unskipped },
  store,
  tabs,
  events,
  closing,
  claim,
  tellStatus,
}: RunsDeps): Runs {
  const lane = createLane()
  let count = 0
  let running = false
  let lastSync: SyncStatus['lastSync'] = null
  let lastError: SyncError | null = null

  /** What is in the lane of this tab waits for those of others. */
  const inLine = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    lane(name, () => tabs.alone(work, closing))

  tabs.listen((message) => {
    if (message.kind === 'commit') return
    if (message.kind === 'synced' && message.at >= (lastSync?.at ?? 0))
      lastSync = { at: message.at, report: message.report }
    tellStatus()
  })

  async function runNow(
    kind: string,
    { signal = closing, tables: asked, onProgress }: RunOptions,
    work: (run: Run) => Promise<unknown>,
  ): Promise<SyncReport> {
    const report = emptyReport()
    const at = clock.now()
    // Loaded while it runs. A run does not fail because of its record.
    const history = import('../database/history.ts').catch(() => undefined)
    let error: SyncError | null = null
    running = true
    tabs.tell({ kind: 'begun' })
    events.emit('sync_started', { at })
    tellStatus()
    // No other run takes a step before this one has ended.
    const unwatch = onProgress && events.on('sync_progress', (progress) => onProgress(progress))
    try {
      if (!network.online()) throw offline()
      await claim()
      const tables = asked ?? unskipped()
      await until({ signals: [closing, signal] }, (signal) =>
        work({
          report,
          signal,
          tables,
          ...(tables.length < keys.size && { only: new Set(tables) }),
        }),
      )
    } catch (thrown) {
      const calledOff = signal.aborted && !(thrown instanceof SyncError)
      error = calledOff ? aborted(thrown) : classify(thrown)
    }
    unwatch?.()
    report.durationMs = clock.now() - at
    await (await history)?.noteRun(store, { kind, at, report, error })
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
  }

  return {
    run(name, options, work) {
      const special = Object.values(options).some((value) => value !== undefined)
      return inLine(special ? `${name} ${++count}` : name, () => runNow(name, options, work))
    },
    alone: (name, work) => inLine(`${name} ${++count}`, work),
    state: () => ({ state: running || tabs.syncing() ? 'syncing' : 'idle', lastSync, lastError }),
    forgive() {
      lastError = null
    },
    end: () => lane('close', async () => {}),
  }
}
