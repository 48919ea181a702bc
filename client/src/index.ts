// Functions and types that an app uses.
export { createSync } from './api/create-sync.ts'
export type { Direction, SyncOptions, TableOption } from './api/options.ts'
export type { Sync } from './api/types.ts'
export type { Table, WriteOptions } from './api/table.ts'
export type { Queue, QueueItem, QueueStats } from './api/queue.ts'
export type { Conflicts } from './api/conflicts/conflicts.ts'
export type { Damaged } from './api/damaged.ts'
export type { Device, Devices } from './api/devices.ts'
export type { Provider, Validity } from './api/provider.ts'
export type { Callbacks } from './api/callbacks.ts'
export type { Health, PartHealth } from './api/health.ts'
export type { SyncStats } from './api/stats.ts'
export type { SignedOut, SignOutOptions } from './api/sign-out.ts'
export type { WaitOptions } from './api/wait-for-sync.ts'
export { observe } from './api/observe.ts'
export type { Observable, SyncState } from './api/observe.ts'
export { onlineFirst } from './api/online-first.ts'
export type { OnlineFirstOptions } from './api/online-first.ts'
export * as resolvers from './api/conflicts/resolvers.ts'
export { autoResolve, resolveConflicts } from './api/conflicts/auto-resolve.ts'
export type { AutoResolve, Resolvers, Resolving } from './api/conflicts/auto-resolve.ts'
export { createTracker } from './integrations/redux/tracker.ts'
export type { Entities, Tracker } from './integrations/redux/tracker.ts'

// Events, reports and errors.
export type { Conflict, SyncEvents } from './model/events.ts'
export type { Listener } from './util/emitter.ts'
export type { Progress, RunOptions, SyncReport } from './model/report.ts'
export type { SyncStatus } from './model/status.ts'
export type { RunRecord, Totals } from './model/history.ts'
export type { Checksum, Verification } from './model/verification.ts'
export type { StorageLimit, StorageLimitReached } from './model/storage-limit.ts'
export type { Id, KeyAssigned } from './model/key.ts'
export type { DamagedRecord, DeviceInfo } from './model/records.ts'
export type { Row } from './model/row.ts'
export type { Filter, ListOptions, Order } from './model/query.ts'
export type { EditPriority, TablePriority } from './model/priority.ts'
export type { Intervals, Mode } from './model/schedule.ts'
export type { Rule, SchemaLike, Validate } from './model/validate.ts'
export type {
  Choice,
  ConflictAnalysis,
  MergeMetadata,
  OpenConflict,
  Resolution,
  ResolvedConflict,
  Resolver,
} from './model/conflict.ts'
export {
  AuthError,
  ConflictError,
  NetworkError,
  PermanentError,
  StorageError,
  SyncError,
  UnknownError,
  ValidationError,
} from './model/errors.ts'

// Replaceable parts: storage, transport, platform.
export { memoryStorage } from './storage/memory.ts'
export { indexedDbStorage } from './storage/indexeddb.ts'
export { localStorageStorage } from './storage/localstorage.ts'
export type { LocalStorageOptions, WebStorage } from './storage/localstorage.ts'
export { encryptedStorage } from './storage/encrypted.ts'
export type { Cipher, EncryptionOptions } from './storage/encrypted.ts'
export { aesCipher } from './storage/cipher.ts'
export { sqliteStorage } from './storage/sqlite.ts'
export { expoSqlite, syncSqlite } from './storage/sqlite-driver.ts'
export type { SqliteDriver } from './storage/sqlite-driver.ts'
export type { SyncStorage, Transaction } from './storage/contract.ts'
export type { Transport } from './transport/transport.ts'
export { rpcTransport } from './transport/transport.ts'
export type { FunctionsOptions } from './transport/functions.ts'
export { functionsTransport } from './transport/functions.ts'
export type { AuthLike, AuthSession } from './transport/account.ts'
export type { SupabaseLike } from './transport/supabase.ts'
export type { Pokes } from './transport/pokes.ts'
export type { Backoff } from './transport/backoff.ts'
export type { Metric } from './transport/metrics.ts'
export type { BatchLimits } from './database/batch.ts'
export type { AppState } from './platform/app-state.ts'
export type { Battery } from './platform/battery.ts'
export type { Network, NetworkType } from './platform/network.ts'
export type { Channel, TabsOptions } from './platform/tabs.ts'
export type { Locks } from './platform/locks.ts'
export type { Clock } from './util/clock.ts'
export type { NewId } from './util/uuid.ts'
