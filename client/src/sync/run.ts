import { noteRun } from '../database/history.ts'
import type { Store } from '../database/store.ts'
import { aborted, classify, SyncError } from '../model/errors.ts'
import type { SyncEvents } from '../model/events.ts'
import { emptyReport, type RunOptions, type SyncReport } from '../model/report.ts'
import type { SyncStatus } from '../model/status.ts'
import type { Tabs } from '../platform/tabs.ts'
import { offline } from '../transport/requests.ts'
import type { Emitter } from '../util/emitter.ts'
import { SerialQueue } from '../util/serial-queue.ts'
import { withSignal } from '../util/with-signal.ts'
import type { Settings } from './settings.ts'

/** A run under way. */
export interface Run {
  /** What it has done so far. */
  report: SyncReport
  signal: AbortSignal
  tables: readonly string[]
  /** The same, where they are not all tables. */
  onlyTables?: ReadonlySet<string>
}

/**
 * Runs, one after the other, in all tabs that share the store.
 *
 * waiting (for earlier runs of this tab, then of other tabs) → running → completed | failed | aborted
 */
export interface Runs {
  /** One run, with its events. Calls that wait are shared, unless they ask for something special. */
  run(name: string, options: RunOptions, work: (run: Run) => Promise<unknown>): Promise<SyncReport>
  /** Work on the store that must not happen during a run. */
  exclusive<T>(name: string, work: () => Promise<T>): Promise<T>
  state(): Pick<SyncStatus, 'state' | 'lastSync' | 'lastError'>
  /** Forgets the error of the last run. */
  clearLastError(): void
  /** Resolves when the last run has ended. */
  end(): Promise<void>
}

export interface RunsDeps {
  settings: Settings
  store: Store
  tabs: Tabs
  events: Emitter<SyncEvents>
  /** Aborts when the sync is closed. */
  closing: AbortSignal
  /** Before a run: throws where the user who is signed in must not have one. */
  assertOwner(): Promise<void>
  /** The state may have changed. */
  tellStatus(): void
}

export function createRuns({
  settings: { clock, network, keys, unskipped },
  store,
  tabs,
  events,
  closing,
  assertOwner,
  tellStatus,
}: RunsDeps): Runs {
  const queue = new SerialQueue()
  let count = 0
  let running = false
  let lastSync: SyncStatus['lastSync'] = null
  let lastError: SyncError | null = null

  /** Waits for the runs of this tab, then for those of other tabs. */
  const inTurn = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    queue.runShared(name, () => tabs.exclusive(work, closing))

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
    let error: SyncError | null = null
    running = true
    tabs.post({ kind: 'begun' })
    events.emit('sync_started', { at })
    tellStatus()
    // Every step until this run ends is a step of this run.
    const unwatch = onProgress && events.on('sync_progress', (progress) => onProgress(progress))
    try {
      if (!network.online()) throw offline()
      await assertOwner()
      const tables = asked ?? unskipped()
      await withSignal({ signals: [closing, signal] }, (signal) =>
        work({
          report,
          signal,
          tables,
          ...(tables.length < keys.size && { onlyTables: new Set(tables) }),
        }),
      )
    } catch (thrown) {
      const calledOff = signal.aborted && !(thrown instanceof SyncError)
      error = calledOff ? aborted(thrown) : classify(thrown)
    }
    unwatch?.()
    report.durationMs = clock.now() - at
    await noteRun(store, { kind, at, report, error })
    running = false
    lastError = error
    if (!error) {
      lastSync = { at, report }
      tabs.post({ kind: 'synced', ...lastSync })
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
      return inTurn(special ? `${name} ${++count}` : name, () => runNow(name, options, work))
    },
    exclusive: (name, work) => inTurn(`${name} ${++count}`, work),
    state: () => ({ state: running || tabs.syncing() ? 'syncing' : 'idle', lastSync, lastError }),
    clearLastError() {
      lastError = null
    },
    end: () => queue.run(async () => {}),
  }
}
