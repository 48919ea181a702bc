export { createSync } from './sync.ts'
export type { SupabaseLike, SyncOptions, TableOption } from './options.ts'
export type { Sync, SyncStatus } from './types.ts'
export type { Id, Table, WriteOptions } from './table.ts'
export type { EditPriority, TablePriority } from './priority.ts'
export type { Row } from './row.ts'
export type { Filter, ListOptions, Order } from './live.ts'
export type { Queue, QueueItem, QueueStats } from './queue.ts'
export type { Conflict, Listener, Progress, SyncEvents, SyncReport } from './events.ts'
export type { Backoff } from './backoff.ts'
export type { BatchLimits } from './push.ts'
export type { Mode } from './scheduler.ts'
export type { Clock } from './clock.ts'
export type { Network } from './network.ts'
export type { NewId } from './ids.ts'
export type { Transport } from './transport.ts'
export { functionsTransport, rpcTransport } from './transport.ts'
export { memoryStorage } from './storage/memory.ts'
export { indexedDbStorage } from './storage/indexeddb.ts'
export type { SyncStorage, Transaction } from './storage.ts'
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
