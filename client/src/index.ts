export { createSync } from './create.ts'
export type { Direction, SupabaseLike, SyncOptions, TableOption } from './options.ts'
export type { AuthLike, AuthSession } from './account.ts'
export type { RunOptions, Sync, SyncStatus, Trouble } from './types.ts'
export type { Id, Table, WriteOptions } from './table.ts'
export type { EditPriority, TablePriority } from './priority.ts'
export type { Row } from './row.ts'
export type { Filter, ListOptions, Order } from './live.ts'
export type { Queue, QueueItem, QueueStats } from './queue.ts'
export type { Conflict, Listener, Progress, SyncEvents, SyncReport } from './events.ts'
export type { Conflicts } from './conflicts/conflicts.ts'
export type {
  Choice,
  ConflictAnalysis,
  MergeMetadata,
  OpenConflict,
  Resolution,
  ResolvedConflict,
  Resolver,
} from './conflicts/types.ts'
export * as resolvers from './conflicts/resolvers.ts'
export { autoResolve, resolveConflicts } from './conflicts/auto.ts'
export type { AutoResolve, Resolvers, Resolving } from './conflicts/auto.ts'
export type { Device, Devices } from './devices.ts'
export type { Provider } from './provider.ts'
export type { Validity } from './observe/validity.ts'
export { onlineFirst } from './online-first.ts'
export type { OnlineFirstOptions } from './online-first.ts'
export { createTracker } from './trackers.ts'
export type { Entities, Tracker } from './trackers.ts'
export { observe } from './observe/state.ts'
export type { Observable, SyncState } from './observe/state.ts'
export type { Callbacks } from './observe/callbacks.ts'
export type { Health, PartHealth } from './observe/health.ts'
export type { RunRecord, Totals } from './observe/history.ts'
export type { Metric } from './observe/metrics.ts'
export type { SyncStats } from './observe/stats.ts'
export type { Rule, SchemaLike, Validate } from './validate.ts'
export type { Backoff } from './backoff.ts'
export type { BatchLimits } from './push.ts'
export type { Intervals, Mode, Pokes } from './scheduler.ts'
export type { Battery } from './battery.ts'
export type { AppState } from './app-state.ts'
export type { SignedOut, SignOutOptions } from './sign-out.ts'
export type { WaitOptions } from './wait.ts'
export type { Checksum, Verification } from './maintenance/verify.ts'
export type { Repaired } from './maintenance/repair.ts'
export type { Clock } from './clock.ts'
export type { Network, NetworkType } from './network.ts'
export type { NewId } from './ids.ts'
export type { Transport } from './transport.ts'
export { rpcTransport } from './transport.ts'
export type { FunctionsOptions } from './functions.ts'
export { functionsTransport } from './functions.ts'
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
export type { DamagedRecord, DeviceInfo, SyncStorage, Transaction } from './storage.ts'
export type { KeyAssigned } from './server-keys.ts'
export type { StorageLimit, StorageLimitReached } from './limits.ts'
export type { Damaged } from './damage.ts'
export type { Channel, TabsOptions } from './tabs.ts'
export type { Locks } from './locks.ts'
export {
  AuthError,
  ConflictError,
  NetworkError,
  PermanentError,
  StorageError,
  SyncError,
  UnknownError,
  ValidationError,
} from './errors.ts'
