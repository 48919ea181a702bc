import type { SyncReport } from '../model/report.ts'
import type { Locks } from './locks.ts'

/** Carries messages between tabs: what one sends all others hear. */
export interface Channel {
  send(message: unknown): void
  listen(fn: (message: unknown) => void): void
  close(): void
}

/** How tabs, workers and threads that share a store deal with each other. Defaults: what the browser has. */
export interface TabsOptions {
  locks?: Locks
  /** Opens the channel of that name; undefined where there is no such thing. */
  channel?: (name: string) => Channel | undefined
}

/** What one tab tells the others. */
export type TabMessage =
  /** Rows it has changed. */
  | { kind: 'commit'; origin: 'local' | 'remote'; ids: [table: string, ids: string[]][] }
  /** It has begun a sync. */
  | { kind: 'begun' }
  /** What it had begun has ended, or the tab is gone. */
  | { kind: 'ended' }
  /** It has completed a sync. */
  | { kind: 'synced'; at: number; report: SyncReport }

/** The other tabs on the same store. */
export interface Tabs {
  /** Runs `work` while no other tab runs theirs. An aborted `signal` ends the wait for it. */
  exclusive<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Whether one of them is syncing. */
  syncing(): boolean
  /** Never throws: what is done is done, whether others hear of it or not. */
  post(message: TabMessage): void
  /** Calls `fn` with what others tell. Returns what ends it. */
  listen(fn: (message: TabMessage) => void): () => void
  close(): void
}

/** Where nobody else has the store there are no others. */
export const noTabs: Tabs = {
  exclusive: (work) => work(),
  syncing: () => false,
  post: () => {},
  listen: () => () => {},
  close: () => {},
}
