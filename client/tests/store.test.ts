import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest'
import { uuid } from '../src/util/uuid.ts'
import { type Channel, createSync, memoryStorage, type Row } from '../src/index.ts'
import { createTabs } from '../src/platform/browser-tabs.ts'
import { createStore } from '../src/database/store.ts'
import type { Tabs } from '../src/platform/tabs.ts'
import { answering, refused, taken } from './support/answering.ts'
import { row } from './support/records.ts'
import { settled } from './support/time.ts'
import { type WriteTransaction } from '../src/database/write-transaction.ts'

const putting = (id: string) => (transaction: WriteTransaction) =>
  transaction.putRows([row('t', id)])

describe('what is committed is committed', () => {
  let complaints: MockInstance
  beforeEach(() => {
    complaints = vi.spyOn(console, 'error').mockImplementation(() => {})
  })
  afterEach(() => void vi.restoreAllMocks())

  const broken = (): never => {
    throw new Error('broken')
  }

  it('whoever throws at the news, and the others hear of it', async () => {
    const told: Parameters<Tabs['post']>[0][] = []
    const tabs: Tabs = {
      ...createTabs(randomUUID(), { channel: () => undefined }),
      post: (message) => void told.push(message),
    }
    const store = createStore(memoryStorage(), uuid, { tabs })
    const heard: string[] = []
    store.onCommit(broken)
    store.onCommit(({ rows }) => heard.push(...rows.get('t')!.keys()))
    await store.write('local', putting('a'))
    expect(heard).toEqual(['a'])
    expect(told).toEqual([{ kind: 'commit', origin: 'local', ids: [['t', ['a']]] }])
    expect(complaints).toHaveBeenCalledTimes(1)
    await store.close()
  })

  it('whether or not other tabs can be told', async () => {
    const channel: Channel = { send: broken, listen() {}, close() {} }
    const tabs = createTabs(randomUUID(), { channel: () => channel })
    const store = createStore(memoryStorage(), uuid, { tabs })
    await store.write('local', putting('a'))
    expect(await store.read((tx) => tx.count('rows'))).toBe(1)
    expect(complaints).toHaveBeenCalledTimes(1)
    await store.close()
  })

  it('also as the store is being closed, with nobody told any more', async () => {
    const tabs = createTabs(randomUUID())
    const store = createStore(memoryStorage(), uuid, { tabs })
    await store.write('local', async (transaction) => {
      tabs.close()
      await putting('a')(transaction)
    })
    expect(complaints).not.toHaveBeenCalled()
    await store.close()
  })

  it('so that a sync tells of all that came of it, whatever a filter makes of a row', async () => {
    const sync = createSync({
      tables: ['t'],
      transport: answering((edit) => (edit.op === 'patch' ? refused('invalid_value') : taken)()),
    })
    const t = sync.table('t')
    await t.insert({ id: 'a' })
    await sync.push()
    await t.update('a', { tags: ['x'] })
    const shown: unknown[] = []
    t.subscribe(
      (each: Row) => (each.tags as string[]).includes('x'),
      (rows) => shown.push(rows.length),
    )
    await settled()
    const rejected: string[] = []
    sync.on('rejected', ({ id }) => rejected.push(id))
    expect(await sync.push()).toMatchObject({ rejected: 1 })
    expect(rejected).toEqual(['a'])
    await settled()
    expect(shown).toEqual([1, 0])
    expect(complaints).toHaveBeenCalledTimes(1)
    await sync.close()
  })
})

it('while rows are for somebody else nobody hears of them, whoever writes them', async () => {
  const store = createStore(memoryStorage(), uuid)
  const heard: [string, boolean][] = []
  store.onCommit(({ rows }) => {
    for (const [id, shown] of rows.get('t') ?? []) heard.push([id, shown !== null])
  })
  await store.write('remote', putting('a'))
  await store.setVisible(false)
  await store.write('remote', putting('b'))
  expect(heard.splice(0)).toEqual([
    ['a', true],
    ['a', false],
  ])
  await store.setVisible(true)
  expect(heard).toEqual([
    ['a', true],
    ['b', true],
  ])
  await store.close()
})
