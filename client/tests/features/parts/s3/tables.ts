import { expect, it } from 'vitest'
import type { NetworkType } from '../../../../src/platform/network.ts'
import { makeTable } from '../../../support/project.ts'
import { project } from '../../support.ts'

const row =
  'per table: priority critical/high/medium/low, max records, skip (e.g. not on Wi-Fi), realtime flag'

export function tables(): void {
  const p = project()

  it(`${row}: max records keeps those that changed last, and every edit`, async () => {
    const table = await makeTable(p.sql)
    for (let n = 1; n <= 30; n++)
      await p.sql`insert into ${p.sql(table)} (user_id, n) values (${p.user.id}, ${n})`
    const one = await p.open({}, [{ name: table, maxRecords: 10 }])
    const numbers = async () => (await one.rows.list({}, { order: 'n' })).map(({ n }) => n)
    await one.sync.sync()
    expect(await numbers()).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30])

    const [oldest] = await one.rows.list({ n: 21 })
    await one.rows.update(oldest!.id, { name: 'edited' })
    await p.sql`update ${p.sql(table)} set name = 'again' where n = 3`
    await one.sync.pull()
    expect(await numbers()).toEqual([3, 21, 23, 24, 25, 26, 27, 28, 29, 30])
    await one.sync.forceSyncAll()
    expect(await numbers()).toHaveLength(10)
  })

  it(`${row}: a table that is skipped is neither sent nor fetched, unless it is named`, async () => {
    const photos = await makeTable(p.sql)
    let type: NetworkType = 'cellular'
    const network = { online: () => true, type: () => type, watch: () => () => {} }
    const one = await p.open({ network }, [
      p.table,
      { name: photos, skip: (now) => now.type?.() !== 'wifi' },
    ])
    const other = await p.open({}, [photos])
    await other.rows.insert({ name: 'theirs' })
    await other.sync.sync()
    const ofPhotos = one.sync.table(photos)
    await ofPhotos.insert({ name: 'mine' })
    await one.rows.insert({ name: 'text' })

    expect(await one.sync.sync()).toMatchObject({ pushed: 1 })
    expect((await ofPhotos.list()).map(({ name }) => name)).toEqual(['mine'])
    expect(one.sync.status().pending).toBe(1)
    await one.sync.pull({ tables: [photos] })
    expect(await ofPhotos.list()).toHaveLength(2)
    type = 'wifi'
    expect(await one.sync.sync()).toMatchObject({ pushed: 1 })
    const always = await p.open({}, [{ name: photos, skip: true }])
    expect(await always.sync.sync()).toMatchObject({ pushed: 0, pulled: 0 })
    expect(await always.rows.list()).toEqual([])
  })

  it(`${row}: critical, high, medium, low: in this order they are sent, however they were made`, async () => {
    const priorities = ['low', 'medium', 'high', 'critical'] as const
    const named = []
    for (const priority of priorities) named.push({ name: await makeTable(p.sql), priority })
    const one = await p.open({ batch: { mutations: 2 } }, named)
    for (const n of [1, 2]) for (const { name } of named) await one.sync.table(name).insert({ n })
    expect(await one.sync.sync()).toMatchObject({ pushed: 8 })
    const sent = one.faults.bodies.flatMap(
      ({ mutations = [] }) => mutations as { table: string; data: { n: number } }[],
    )
    expect(sent.map(({ table, data }) => [table, data.n])).toEqual(
      named.toReversed().flatMap(({ name }) => [
        [name, 1],
        [name, 2],
      ]),
    )
  })

  it(`${row}: without the realtime flag a table waits for another sync`, async () => {
    const [chat, archive] = [await makeTable(p.sql), await makeTable(p.sql)]
    const one = await p.open({ mode: 'realtime' }, [chat, { name: archive, realtime: false }])
    await one.sync.ready()
    await expect.poll(() => one.sync.status().lastSync, { timeout: 10_000 }).not.toBeNull()
    const other = await p.open({}, [archive, chat])
    await other.rows.insert({ name: 'old letter' })
    await other.sync.table(chat).insert({ name: 'hello' })
    await other.sync.sync()
    await expect.poll(() => one.rows.list(), { timeout: 10_000 }).toMatchObject([{ name: 'hello' }])
    await expect.poll(() => one.sync.status().state).toBe('idle')
    expect(await one.sync.table(archive).list()).toEqual([])
    await one.sync.sync()
    expect(await one.sync.table(archive).list()).toMatchObject([{ name: 'old letter' }])
    one.sync.stop()
    await one.client.realtime.disconnect()
  })
}
