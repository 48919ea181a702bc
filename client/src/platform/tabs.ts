import type { SyncReport } from '../model/report.ts'
import type { Locks } from './locks.ts'

/** A channel between tabs: a message of one tab reaches all others. */
export interface Channel {
  send(message: unknown): void
  listen(fn: (message: unknown) => void): void
  close(): void
}

/** Locks and channel of tabs, workers and threads that share a store. Default: those of the browser. */
export interface TabsOptions {
  locks?: Locks
  /** Opens the channel of that name; undefined where the platform has none. */
  channel?: (name: string) => Channel | undefined
}

/** A message of one tab to the others. */
export type TabMessage =
  /** The tab has changed these rows. */
  | { kind: 'commit'; origin: 'local' | 'remote'; ids: [table: string, ids: string[]][] }
  /** The tab has begun a sync. */
  | { kind: 'begun' }
  /** The sync of the tab has ended, or the tab was closed. */
  | { kind: 'ended' }
  /** The tab has completed a sync. */
  | { kind: 'synced'; at: number; report: SyncReport }

/** The other tabs that share the store. */
export interface Tabs {
  /** Runs `work` while no other tab runs its own. Rejects if `signal` aborts first. */
  exclusive<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Whether another tab runs a sync. */
  syncing(): boolean
  /** Sends a message. Never throws: the change that it reports is already stored. */
  post(message: TabMessage): void
  /** Calls `fn` with every message of another tab. Returns an unsubscribe function. */
  listen(fn: (message: TabMessage) => void): () => void
  close(): void
}

/** The tabs of a store that is not shared: none. */
export const noTabs: Tabs = {
  exclusive: (work) => work(),
  syncing: () => false,
  post: () => {},
  listen: () => () => {},
  close: () => {},
}
