import type { Sql } from 'postgres'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, createUser, stack, type TestUser } from '../../../dev/testing.ts'
import { makeTable, rowsInDatabase } from '../support/project.ts'
import { noBrowser, type RemoteTab, startBrowser } from './chromium.ts'
import type { Setting } from './page.ts'

let sql: Sql
let user: TestUser
let browser: Awaited<ReturnType<typeof startBrowser>> | undefined

beforeAll(async () => {
  if (noBrowser) return
  sql = connect()
  user = await createUser()
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.stop()
  await sql?.end()
})

describe('tabs of a real browser on one IndexedDB', () => {
  beforeEach((test) => {
    if (noBrowser) test.skip(noBrowser)
  })

  async function tabs(count: number): Promise<{ table: string; tabs: RemoteTab[] }> {
    const table = await makeTable(sql)
    const { data } = await user.client.auth.getSession()
    const { api_url, publishable_key } = stack()
    const { access_token, refresh_token } = data.session!
    const setting: Setting = {
      url: api_url,
      key: publishable_key,
      session: { access_token, refresh_token },
      table,
      store: randomUUID(),
    }
    const opened = await Promise.all(Array.from({ length: count }, () => browser!.openTab()))
    await Promise.all(opened.map((tab) => tab.open(setting)))
    return { table, tabs: opened }
  }

  const expectedRow = (n: number, name: string) => ({
    n,
    name,
    phone: n % 2 === 0 ? `changed by ${name}` : null,
  })

  it('write at once while both sync, and every edit arrives once', async () => {
    const { table, tabs: opened } = await tabs(2)
    const [first, second] = opened as [RemoteTab, RemoteTab]
    await Promise.all([first.write('first', 1, 100), second.write('second', 101, 200)])
    await Promise.all([first.sync(), second.sync()])
    await first.sync()

    const stored = await rowsInDatabase(sql, table)
    const seen = stored.toSorted((a, b) => Number(a.n) - Number(b.n))
    expect(seen).toMatchObject(
      Array.from({ length: 200 }, (_, i) => expectedRow(i + 1, i < 100 ? 'first' : 'second')),
    )
    // A row made, sent and then changed has two versions; no row can have more.
    expect(
      seen.filter(({ n, version }) => Number(version) > (Number(n) % 2 === 0 ? 2 : 1)),
    ).toEqual([])
    for (const tab of opened) {
      expect(await tab.rows()).toEqual(stored)
      expect(await tab.waiting()).toBe(0)
    }
  }, 60_000)

  it('one is closed in the middle of it, and the other brings its edits up', async () => {
    const { table, tabs: opened } = await tabs(2)
    const [dying, staying] = opened as [RemoteTab, RemoteTab]
    await dying.write('dying', 1, 60)
    const running = dying.sync().catch(() => {})
    await staying.write('staying', 61, 80)
    await dying.kill()
    await running
    await staying.sync()

    const stored = await rowsInDatabase(sql, table)
    expect(stored.map(({ n }) => n).toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 80 }, (_, i) => i + 1),
    )
    expect(await staying.rows()).toEqual(stored)
    expect(await staying.waiting()).toBe(0)
  }, 60_000)
  it('offline show each other what they write, and send it once the network is back', async () => {
    const { table, tabs: opened } = await tabs(2)
    const [first, second] = opened as [RemoteTab, RemoteTab]
    await browser!.setOffline(true)
    await first.write('first', 1, 10)
    await vi.waitUntil(async () => (await second.shown()) === 10, { timeout: 10_000 })
    await second.write('second', 11, 20)
    await vi.waitUntil(async () => (await first.shown()) === 20, { timeout: 10_000 })
    expect(await rowsInDatabase(sql, table)).toEqual([])

    await browser!.setOffline(false)
    await vi.waitUntil(async () => (await first.waiting()) === 0, { timeout: 20_000 })
    const stored = await rowsInDatabase(sql, table)
    expect(stored).toHaveLength(20)
    expect(stored.every(({ version }) => version === 1)).toBe(true)
  }, 60_000)
})
