// oxlint-disable unicorn/require-post-message-target-origin -- a thread's port has none
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { createClient } from '@supabase/supabase-js'
import { createSync, sqliteStorage, syncSqlite } from '../../src/index.ts'

/** What a worker is started with. */
export interface WorkerSetting {
  url: string
  key: string
  token: string
  table: string
  /** The SQLite file that it shares with whoever writes. */
  file: string
}

const { url, key, token, table, file } = workerData as WorkerSetting
const sync = createSync({
  supabase: createClient(url, key, { accessToken: async () => token }),
  storage: sqliteStorage(syncSqlite(new DatabaseSync(file), file)),
  tables: [table],
})
parentPort!.on('message', () => {
  sync
    .sync()
    .then((report) => parentPort!.postMessage(report))
    .catch((error: unknown) => parentPort!.postMessage(String(error)))
})
