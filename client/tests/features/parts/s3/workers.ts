import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { stack } from '../../../../../dev/testing.ts'
import { sqliteStorage, syncSqlite } from '../../../../src/index.ts'
import { rowsInDatabase } from '../../../support/project.ts'
import type { WorkerSetting } from '../../../support/syncing-worker.ts'
import { project } from '../../support.ts'

export function workers(): void {
  const p = project()

  it('background workers: one syncs what another thread writes into the store they share', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-worker-'))
    const file = join(folder, 'shared.db')
    // Its requests would fail: this thread leaves syncing to the worker.
    const { sync, rows, faults } = await p.open({
      storage: sqliteStorage(syncSqlite(new DatabaseSync(file), file)),
    })
    faults.always('before')
    await rows.insertMany([{ name: 'Ada' }, { name: 'Grace' }])
    await p.sql`insert into ${p.sql(p.table)} (user_id, name) values (${p.user.id}, 'Edsger')`

    const { api_url: url, publishable_key: key } = stack()
    const setting: WorkerSetting = { url, key, token: p.user.accessToken, table: p.table, file }
    const program = new URL('../../../support/syncing-worker.ts', import.meta.url)
    const worker = new Worker(program, { workerData: setting })
    try {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
      worker.postMessage('sync')
      const [report] = (await once(worker, 'message')) as [unknown]
      expect(report).toMatchObject({ pushed: 2, pulled: 1, rejected: 0 })
    } finally {
      await worker.terminate()
    }
    const stored = await rowsInDatabase(p.sql, p.table)
    expect(stored.map(({ name }) => name).toSorted()).toEqual(['Ada', 'Edsger', 'Grace'])
    expect(await rows.list()).toEqual(stored)
    expect(await sync.queue.stats()).toMatchObject({ pending: 0, sent: 0 })
    await sync.close()
    await rm(folder, { recursive: true })
  })
}
