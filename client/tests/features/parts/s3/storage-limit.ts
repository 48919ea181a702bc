import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import {
  type StorageLimit,
  type StorageLimitReached,
  sqliteStorage,
  syncSqlite,
} from '../../../../src/index.ts'
import { makeTable } from '../../../support/project.ts'
import { newFile } from '../../../support/storages.ts'
import { project } from '../../support.ts'
import { verify } from '../../../../src/integrations/maintenance/index.ts'

const row = 'storage limit 50 MB default with warn (default), error, prune'

export function storageLimit(): void {
  const p = project()
  const text = 'x'.repeat(400)

  /** A device on SQLite with two tables of 300 rows on the server, of half a kilobyte each. */
  async function twoTables(storageLimit?: StorageLimit) {
    const tables = [await makeTable(p.sql), await makeTable(p.sql)] as const
    for (const table of tables)
      await p.sql`
        insert into ${p.sql(table)} (user_id, name, n)
        select ${p.user.id}, ${text}, n from generate_series(1, 300) n`
    const storage = sqliteStorage(syncSqlite(new DatabaseSync(newFile())))
    const one = await p.open({ storage, pageSize: 50, ...(storageLimit && { storageLimit }) }, [
      { name: tables[0], priority: 'critical' },
      { name: tables[1], priority: 'low' },
    ])
    const reached: StorageLimitReached[] = []
    one.sync.on('storage_limit', (event) => reached.push(event))
    return { ...one, reached, storage, low: one.sync.table(tables[1]) }
  }

  it(`${row}: by default a warning, once, and everything goes on`, async () => {
    const one = await twoTables({ bytes: 100_000 })
    await one.sync.sync()
    expect(one.reached).toEqual([
      { bytes: expect.any(Number), limit: 100_000, pruned: 0 } satisfies StorageLimitReached,
    ])
    expect(await one.rows.list()).toHaveLength(300)
    await one.rows.insert({ name: 'one more' })
    const roomy = await twoTables()
    await roomy.sync.sync()
    expect(roomy.reached).toEqual([])
  })

  it(`${row}: error refuses downloads and new rows, never what waits`, async () => {
    const one = await twoTables({ bytes: 100_000, policy: 'error' })
    await one.rows.insert({ name: 'before' })
    const full = { name: 'StorageError', code: 'quota' }
    await expect(one.sync.sync()).rejects.toMatchObject(full)
    await expect(one.rows.insert({ name: 'after' })).rejects.toMatchObject(full)
    expect((await one.rows.list()).length).toBeLessThan(300)
    expect(one.sync.status()).toMatchObject({ pending: 0, lastError: full })
    expect((await one.sync.push()).rejected).toBe(0)
  })

  it(`${row}: prune drops rows of low priority that the server has, and no edits`, async () => {
    const one = await twoTables({ bytes: 550_000, policy: 'prune' })
    const kept = await one.low.insert({ name: 'not sent', user_id: p.user.id })
    await one.sync.pull()
    expect(one.reached.at(-1)!.pruned).toBeGreaterThan(0)
    expect(await one.storage.size!()).toBeLessThan(600_000)
    expect(await one.rows.list()).toHaveLength(300)
    const left = await one.low.list()
    expect(left.length).toBeLessThan(301)
    expect(left).toContainEqual(kept)
    expect(await one.sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
    expect(await verify(one.sync)).toMatchObject({ healed: 0 })
  })
}
