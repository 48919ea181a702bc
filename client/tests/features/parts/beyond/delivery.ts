import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { localStorageStorage, memoryStorage } from '../../../../src/index.ts'
import { STORE_NAMES } from '../../../../src/storage/contract.ts'
import { FileArea } from '../../../support/storages.ts'
import { makeTable, rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'

const ONCE = 'exactly once under lost answers, two tabs, cloned devices'

export function delivery(): void {
  const p = project()

  it('no committed change is ever missed, whatever the commit order, and no long transaction holds others up', async () => {
    const table = await makeTable(p.sql)
    const { sync, rows } = await p.open({}, [table])
    await sync.sync()
    const names = async () => (await rows.list({}, { order: 'name' })).map(({ name }) => name)
    const slow = await p.sql.reserve()
    const write = (by: typeof slow | typeof p.sql, name: string) =>
      by`insert into ${by(table)} (user_id, name) values (${p.user.id}, ${name})`
    await slow`begin`
    await write(slow, 'begun first, committed last')
    await write(p.sql, 'begun later')
    await sync.sync()
    expect(await names()).toEqual(['begun later'])
    await write(p.sql, 'begun last')
    await sync.sync()
    expect(await names()).toEqual(['begun last', 'begun later'])
    await slow`commit`
    slow.release()
    expect(await sync.sync()).toMatchObject({ pulled: 1 })
    expect(await names()).toEqual(['begun first, committed last', 'begun last', 'begun later'])
  })

  /** A table whose numbers add up, so that an edit done twice shows. */
  const counting = () =>
    p.make('name text, phone text, n int not null default 0', 'last_write_wins', { n: 'sum' })

  it(`${ONCE}: lost answers`, async () => {
    const table = await counting()
    const { sync, rows, faults } = await p.open({}, [table])
    const { id } = await rows.insert({ n: 1 })
    faults.next('after', 'after')
    await sync.sync()
    await rows.update(id, { n: 11 })
    faults.next('after', 'before', 'after')
    await sync.sync()
    expect(await rowsInDatabase(p.sql, table)).toMatchObject([{ n: 11, version: 2 }])
    expect(await rows.list()).toMatchObject([{ n: 11 }])
  })

  it(`${ONCE}: two tabs`, async () => {
    const table = await counting()
    const area = new FileArea()
    const key = randomUUID()
    const tab = () => p.open({ storage: localStorageStorage(key, { area }) }, [table])
    const [one, two] = [await tab(), await tab()]
    const { id } = await one.rows.insert({ n: 0 })
    await one.sync.sync()
    for (let n = 1; n <= 10; n++) await (n % 2 ? one : two).rows.update(id, { n })
    await Promise.all([one.sync.sync(), two.sync.sync(), one.sync.sync(), two.sync.sync()])
    expect(await rowsInDatabase(p.sql, table)).toMatchObject([{ n: 10 }])
    expect(await one.sync.queue.stats()).toMatchObject({ pending: 0, sent: 0, failed: 0 })
  })

  it(`${ONCE}: cloned devices`, async () => {
    const table = await counting()
    const [original, copy] = [memoryStorage(), memoryStorage()]
    const one = await p.open({ storage: original }, [table])
    const { id } = await one.rows.insert({ n: 0 })
    await one.sync.sync()
    await copy.open()
    for (const name of STORE_NAMES) {
      const records = await original.transaction('readonly', (tx) => tx.scan(name))
      await copy.transaction('readwrite', (tx) => tx.putMany(name, records))
    }
    const two = await p.open({ storage: copy }, [table])
    await one.rows.update(id, { n: 5 })
    await two.rows.update(id, { n: 7 })
    await one.sync.sync()
    await two.sync.sync()
    await one.sync.sync()
    // Each has added its own, though both used the same name and the same number for it.
    expect(await rowsInDatabase(p.sql, table)).toMatchObject([{ n: 12 }])
    for (const { rows } of [one, two]) expect(await rows.list()).toMatchObject([{ n: 12 }])
    const [mine, theirs] = [await one.sync.devices.current(), await two.sync.devices.current()]
    expect(mine.device_id).not.toBe(theirs.device_id)
  })
}
