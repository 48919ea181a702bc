import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import {
  indexedDbStorage,
  localStorageStorage,
  sqliteStorage,
  syncSqlite,
  type SyncStorage,
} from '../src/index.ts'
import { classify } from '../src/model/errors.ts'
import { type Contact, type Device, device, makeTable, rowsInDatabase } from './support/project.ts'
import { FileArea, newFile } from './support/storages.ts'

const patient = { timeout: 30_000 }

let sql: Sql
let user: TestUser
beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

const kinds: { kind: string; make: () => () => SyncStorage }[] = [
  {
    kind: 'IndexedDB',
    make: () => {
      const name = randomUUID()
      return () => indexedDbStorage(name)
    },
  },
  {
    kind: 'localStorage',
    make: () => {
      const key = randomUUID()
      const area = new FileArea()
      return () => localStorageStorage(key, { area })
    },
  },
  {
    kind: 'SQLite',
    make: () => {
      const file = newFile()
      return () => sqliteStorage(syncSqlite(new DatabaseSync(file), file))
    },
  },
]

describe.each(kinds)('tabs that share a store: $kind', ({ make }) => {
  const open: Device[] = []
  afterEach(async () => {
    for (const { sync } of open.splice(0)) await sync.close()
  })

  async function twoTabs() {
    const table = await makeTable(sql)
    const again = make()
    const tabs = [
      await device(user, [table], { storage: again() }),
      await device(user, [table], { storage: again() }),
    ] as const
    open.push(...tabs)
    for (const { sync } of tabs) await sync.ready()
    return { table, one: tabs[0], other: tabs[1] }
  }

  it('what one writes the other shows at once, and counts among what waits', async () => {
    const { one, other } = await twoTabs()
    let shown: Contact[] = []
    const end = other.rows.subscribe((rows) => (shown = rows))
    const { id } = await one.rows.insert({ name: 'Ada' })
    await vi.waitFor(() => expect(shown.map(({ name }) => name)).toEqual(['Ada']), patient)
    expect(other.sync.status().pending).toBe(1)
    await other.rows.update(id, { name: 'Ada Lovelace' })
    expect(await one.rows.get(id)).toMatchObject({ name: 'Ada Lovelace' })
    await one.rows.remove(id)
    await vi.waitFor(() => expect(shown).toEqual([]), patient)
    end()
  })

  it('what both write and send at once arrives once, and what one has fetched the other has', async () => {
    const { table, one, other } = await twoTabs()
    const writes = Array.from({ length: 40 }, (_, n) =>
      (n % 2 ? one : other).rows.insert({ name: `edit ${n}`, n }),
    )
    await Promise.all([...writes, one.sync.sync(), other.sync.sync()])
    const reports = await Promise.all([one.sync.sync(), other.sync.sync()])
    expect(reports.map(({ rejected, conflicts }) => rejected + conflicts)).toEqual([0, 0])
    const stored = await rowsInDatabase(sql, table)
    expect(stored.map(({ n }) => n).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      writes.map((_, n) => n),
    )
    expect(stored.every(({ version }) => version === 1)).toBe(true)
    expect(await one.rows.list()).toEqual(stored)
    expect(await other.rows.list()).toEqual(stored)
    expect(await one.sync.queue.list()).toEqual([])
  })

  it('one sync runs at a time, and the other tab knows of it', async () => {
    const { one, other } = await twoTabs()
    await one.rows.insert({ name: 'Ada' })
    let running = 0
    let most = 0
    const states: string[] = []
    for (const { sync } of [one, other]) {
      sync.on('sync_started', () => (most = Math.max(most, ++running)))
      sync.on('sync_completed', () => running--)
    }
    one.sync.on('sync_progress', () => states.push(other.sync.status().state))
    await Promise.all([one.sync.sync(), other.sync.sync(), one.sync.pull(), other.sync.push()])
    expect(most).toBe(1)
    await vi.waitFor(() => {
      expect(other.sync.status().state).toBe('idle')
      expect(other.sync.status().lastSync).not.toBeNull()
      expect(one.sync.status().lastSync).toEqual(other.sync.status().lastSync)
    }, patient)
  })

  it('a tab that closes while it waits for another one ends at once', async () => {
    const { one, other } = await twoTabs()
    one.faults.next('hang')
    await one.rows.insert({ name: 'Ada' })
    const first = one.sync.sync().catch(classify)
    await vi.waitFor(() => expect(one.faults.paths).toHaveLength(1), patient)
    const second = other.sync.sync().catch(classify)
    await other.sync.close()
    expect(await second).toMatchObject({ code: 'aborted' })
    await one.sync.close()
    await first
  })
})
