import { expect, it } from 'vitest'
import { type DamagedRecord, memoryStorage, type SyncStorage } from '../../../../src/index.ts'
import { makeTable, rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'
import { type CursorRecord, type RowRecord } from '../../../../src/model/records.ts'
import { verify } from '../../../../src/integrations/maintenance/index.ts'

const RESTORE = 'restore and failover are noticed, never silent'

export function checks(): void {
  const p = project()

  it('checksums per scope and table; drift is found and healed without a full download', async () => {
    const table = await makeTable(p.sql)
    await p.sql`insert into ${p.sql(table)} (user_id, n)
      select ${p.user.id}, n from generate_series(1, 3000) n`
    const storage = memoryStorage()
    const { sync, rows, faults } = await p.open({ storage }, [table])
    await sync.sync()
    expect(await verify(sync)).toMatchObject({ inSync: true })

    await storage.transaction('readwrite', async (tx) => {
      const held = await tx.scan('rows', { index: 'table', equals: [table] })
      const [gone, old] = held as [RowRecord, RowRecord]
      await tx.deleteMany('rows', [[table, gone.id]])
      await tx.putMany('rows', [{ ...old, version: 0, row: { ...old.row, n: -1, version: 0 } }])
    })
    const before = faults.bodies.length
    expect(await verify(sync)).toMatchObject({ inSync: false })
    const asked = faults.bodies.slice(before)
    const fetched = asked.flatMap(({ ids = [] }) => ids as string[])
    expect(fetched).toHaveLength(2)
    expect(faults.paths.slice(before).filter((path) => /pull|sync$/.test(path))).toEqual([])
    expect(await verify(sync)).toMatchObject({ inSync: true })
    const byId = (rows: { id?: unknown }[]) =>
      rows.toSorted((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
    expect(byId(await rows.list())).toEqual(byId(await rowsInDatabase(p.sql, table)))
  })

  /** Makes the device's place in the log one that this database never gave out. */
  const misplace = (storage: SyncStorage, place: Record<string, unknown>) =>
    storage.transaction('readwrite', async (tx) => {
      const held = (await tx.get('meta', 'cursor')) as CursorRecord
      const cursor = { ...(held.cursor as object), ...place } as CursorRecord['cursor']
      await tx.putMany('meta', [{ ...held, cursor }])
    })

  it.each([
    ['a backup of before the last sync', { seen: '9000000000:9000000000:' }],
    ['another database', { epoch: 'another' }],
  ])(`${RESTORE}: %s`, async (_, place) => {
    const table = await makeTable(p.sql)
    const storage = memoryStorage()
    const { sync, rows } = await p.open({ storage }, [table])
    await rows.insertMany([{ n: 1 }, { n: 2 }, { n: 3 }])
    await sync.sync()
    const damaged: DamagedRecord[] = []
    sync.on('damaged', (record) => damaged.push(record))
    // What was committed since the backup is not there, and nothing has ever been said of it.
    await p.sql.begin(async (sql) => {
      await sql`alter table ${sql(table)} disable trigger user`
      await sql`delete from ${sql(table)} where n = 3`
      await sql`alter table ${sql(table)} enable trigger user`
      await sql`insert into ${sql(table)} (user_id, n) values (${p.user.id}, 4)`
    })
    await misplace(storage, place)
    await rows.insert({ n: 5 })
    const [one] = await rows.list({ n: 1 })
    await rows.update(one!.id, { name: 'edited' })
    await sync.sync()
    const stored = await rowsInDatabase(p.sql, table)
    expect(stored.map(({ n }) => n).toSorted()).toEqual([1, 2, 4, 5])
    expect(await rows.list()).toEqual(stored)
    expect(await rows.get(one!.id)).toMatchObject({ name: 'edited' })
    expect(damaged).toEqual([])
  })

  it('no server beside Supabase; one SQL line per table', async () => {
    // The table as makeTable makes it, with Row Level Security and grants, and one line of Tidemark's.
    const table = await makeTable(p.sql)
    const one = await p.open({ transport: 'rpc' }, [table])
    const two = await p.open({ transport: 'rpc' }, [table])
    const { id } = await one.rows.insert({ name: 'Ada' })
    await one.sync.sync()
    await two.sync.sync()
    await two.rows.update(id, { phone: '1' })
    await two.sync.sync()
    await one.sync.sync()
    expect(await one.rows.get(id)).toMatchObject({ name: 'Ada', phone: '1' })
    for (const { paths } of [one.faults, two.faults])
      expect(paths.filter((path) => !path.startsWith('/rest/v1/rpc/sync_'))).toEqual([])
  })
}
