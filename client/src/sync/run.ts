import { recordRun } from '../database/history.ts'
import type { Store } from '../database/store.ts'
import { abortedError, classify, SyncError } from '../model/errors.ts'
import type { SyncEvents } from '../model/events.ts'
import { emptyReport, type RunOptions, type SyncReport } from '../model/report.ts'
import type { SyncStatus } from '../model/status.ts'
import type { Tabs } from '../platform/tabs.ts'
import { offlineError } from '../transport/requests.ts'
import type { Emitter } from '../util/emitter.ts'
import { SerialQueue } from '../util/serial-queue.ts'
import { withSignal } from '../util/with-signal.ts'
import type { Settings } from './settings.ts'

/** A run under way. */
export interface Run {
  /** What the run has done so far. */
  report: SyncReport
  signal: AbortSignal
  tables: readonly string[]
  /** The same tables, where they are not all tables. */
  onlyTables?: ReadonlySet<string>
}

/**
 * Runs one sync after the other, across all tabs that share the store.
 *
 * | state of a run | event | next state |
 * | --- | --- | --- |
 * | waiting for this tab | another call of the same method without options | shares the run |
 * | waiting for this tab | earlier runs of this tab have ended | waiting for other tabs |
 * | waiting for other tabs | no other tab runs | running (`sync_started`) |
 * | waiting for other tabs | the sync is closed | rejected |
 * | running | `work` has ended | completed (`sync_completed`) |
 * | running | `work` has thrown | failed (`sync_error`) |
 * | running | `signal` has aborted, or the sync is closed | failed (`sync_error`, code `aborted`) |
 */
export interface Runs {
  /** Runs `work` with its events. Calls without options that wait under the same name share one run. */
  run(name: string, options: RunOptions, work: (run: Run) => Promise<unknown>): Promise<SyncReport>
  /** Runs work on the store that must not overlap with a run. */
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
  /** Called before a run: throws where the signed-in user is not the owner of the store. */
  ensureOwner(): Promise<void>
  /** Called when the state may have changed. */
  emitStatus(): void
}

export function createRuns({
  settings: { clock, network, keys, unskipped },
  store,
  tabs,
  events,
  closing,
  ensureOwner,
  emitStatus,
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
    emitStatus()
  })

  async function runNow(
    kind: string,
    { signal = closing, tables: tablesOfCall, onProgress }: RunOptions,
    work: (run: Run) => Promise<unknown>,
  ): Promise<SyncReport> {
    const report = emptyReport()
    const at = clock.now()
    let error: SyncError | null = null
    running = true
    tabs.post({ kind: 'begun' })
    events.emit('sync_started', { at })
    emitStatus()
    // Runs do not overlap, so every event until the end belongs to this run.
    const unwatch = onProgress && events.on('sync_progress', (progress) => onProgress(progress))
    try {
      if (!network.online()) throw offlineError()
      await ensureOwner()
      const tables = tablesOfCall ?? unskipped()
      await withSignal({ signals: [closing, signal] }, (signal) =>
        work({
          report,
          signal,
          tables,
          ...(tables.length < keys.size && { onlyTables: new Set(tables) }),
        }),
      )
    } catch (thrown) {
      const isAbort = signal.aborted && !(thrown instanceof SyncError)
      error = isAbort ? abortedError(thrown) : classify(thrown)
    }
    unwatch?.()
    report.durationMs = clock.now() - at
    await recordRun(store, { kind, at, report, error })
    running = false
    lastError = error
    if (!error) {
      lastSync = { at, report }
      tabs.post({ kind: 'synced', ...lastSync })
    }
    emitStatus()
    if (error) {
      events.emit('sync_error', error)
      throw error
    }
    events.emit('sync_completed', report)
    return report
  }

  return {
    run(name, options, work) {
      const hasOptions = Object.values(options).some((value) => value !== undefined)
      return inTurn(hasOptions ? `${name} ${++count}` : name, () => runNow(name, options, work))
    },
    exclusive: (name, work) => inTurn(`${name} ${++count}`, work),
    state: () => ({ state: running || tabs.syncing() ? 'syncing' : 'idle', lastSync, lastError }),
    clearLastError() {
      lastError = null
    },
    end: () => queue.run(async () => {}),
  }
}
