/** What the simulation needs of the client. */
export { createSync, memoryStorage, sqliteStorage, syncSqlite } from '../../../client/src/index.ts'
export type { Sync, SyncStorage } from '../../../client/src/index.ts'
export { STORE_NAMES } from '../../../client/src/storage/contract.ts'
export { crashing } from '../../../client/tests/support/crash.ts'
