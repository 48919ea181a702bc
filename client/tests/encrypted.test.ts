import 'fake-indexeddb/auto'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../src/util/clock.ts'
import {
  aesCipher,
  type Cipher,
  type Clock,
  createSync,
  encryptedStorage,
  indexedDbStorage,
  memoryStorage,
  type Row,
  type Sync,
  type SyncOptions,
} from '../src/index.ts'
import { applyPage } from '../src/database/apply-page.ts'
import { answering, refused, taken } from './support/answering.ts'
import { local } from './support/local.ts'
import { settled } from './support/time.ts'
import { repair } from '../src/integrations/maintenance/index.ts'

/** Only what never ends runs into this. */
const soon = 15_000

let cipher: Cipher
beforeAll(async () => {
  const algorithm = { name: 'AES-GCM', length: 256 }
  cipher = aesCipher(await crypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt']))
})

const encrypted = (name: string, through = cipher) =>
  encryptedStorage(indexedDbStorage(name), { cipher: through, columns: { t: ['name'] } })

/** A clock on which no two looks show the same. */
function restless(): Clock {
  let now = 0
  return { ...systemClock, now: () => ++now }
}

describe('on an encrypted storage, whatever the clock does, this ends', { timeout: soon }, () => {
  const open: Sync[] = []
  afterEach(async () => {
    for (const sync of open.splice(0)) await sync.close()
  })

  function device(answer: Parameters<typeof answering>[0], options: Partial<SyncOptions> = {}) {
    const name = randomUUID()
    const sync = createSync({
      tables: ['t'],
      storage: encrypted(name),
      transport: answering(answer),
      clock: restless(),
      ...options,
    })
    open.push(sync)
    return { name, sync, t: sync.table('t') }
  }

  it('an insert', async () => {
    const { t } = device(taken)
    expect(await t.insert({ id: 'a', name: 'Ada' })).toEqual({ id: 'a', name: 'Ada' })
    expect(await t.get('a')).toEqual({ id: 'a', name: 'Ada' })
  })

  it('an insert of many', async () => {
    const { t, sync } = device(taken)
    const rows = Array.from({ length: 300 }, (_, n) => ({ name: `${n}` }))
    expect(await t.insertMany(rows)).toMatchObject(rows)
    expect(sync.status().pending).toBe(300)
  })

  it('an update, of what was sent and of what was not', async () => {
    const { t, sync } = device(taken)
    await t.insert({ id: 'a', name: 'Ada' })
    await t.update('a', { name: 'Grace' })
    await sync.push()
    expect(await t.update('a', { name: 'Mary' })).toMatchObject({ id: 'a', name: 'Mary' })
    expect(await sync.queue.list()).toMatchObject([
      { op: 'patch', data: { name: 'Mary' }, old: { name: 'Grace' } },
    ])
  })

  it('a removal', async () => {
    const { t, sync } = device(taken)
    await t.insert({ id: 'a', name: 'Ada' })
    await sync.push()
    await t.remove('a')
    expect(await sync.queue.list()).toMatchObject([{ op: 'delete', id: 'a' }])
  })

  it('a push of edits that are refused, and putting them back', async () => {
    const { t, sync } = device(refused('invalid_value'))
    await t.insertMany([
      { id: 'a', name: 'Ada' },
      { id: 'b', name: 'Bo' },
    ])
    expect(await sync.push()).toMatchObject({ pushed: 0, rejected: 2 })
    const data = [{ data: { id: 'a', name: 'Ada' } }, { data: { id: 'b', name: 'Bo' } }]
    expect(await sync.queue.list({ status: 'failed' })).toMatchObject(data)
    expect(await sync.queue.retryFailed()).toBe(2)
    expect(await sync.queue.list({ status: 'pending' })).toMatchObject(data)
    expect(await t.list()).toHaveLength(2)
  })

  it('a push of an edit of a row that the server has lost, and that makes it again', async () => {
    const { t, sync } = device(({ op }) => (op === 'patch' ? refused('not_found')() : taken()), {
      whenMissing: 'create',
    })
    await t.insert({ id: 'a', name: 'Ada' })
    await sync.push()
    await t.update('a', { name: 'Grace' })
    expect(await sync.push()).toMatchObject({ rejected: 0 })
    const row = { id: 'a', name: 'Grace' }
    expect(await t.get('a')).toMatchObject(row)
    expect(await sync.queue.list()).toMatchObject([{ op: 'put', data: row }])
  })

  it('a repair that makes lost edits again', async () => {
    const { t, sync, name } = device(taken)
    await t.insertMany([
      { id: 'a', name: 'Ada' },
      { id: 'b', name: 'Bo' },
    ])
    const underneath = indexedDbStorage(name)
    await underneath.open()
    await underneath.transaction('readwrite', (tx) => tx.deleteMany('queue', [1, 2]))
    await underneath.close()
    expect(await repair(sync)).toMatchObject({ rebuilt: 2 })
    expect(await sync.queue.list()).toMatchObject([
      { op: 'put', data: { id: 'a', name: 'Ada' } },
      { op: 'put', data: { id: 'b', name: 'Bo' } },
    ])
  })

  it('an insert of a row whose key the server makes, and its push', async () => {
    const { t, sync } = device(taken, {
      tables: [{ name: 't', serverKey: true }],
      clock: systemClock,
    })
    const { id } = await t.insert({ name: 'Ada' })
    expect(id).toBeLessThan(0)
    expect(await t.get(id as number)).toEqual({ id, name: 'Ada' })
    expect(await sync.push()).toMatchObject({ pushed: 1 })
    expect(await t.list()).toMatchObject([{ id: 1, name: 'Ada' }])
  })
})

it('what a transaction would have written, had it not been run again, nobody is told', async () => {
  const name = randomUUID()
  const other = local(encrypted(name))
  const asked = { pages: 0, tables: ['t'], keys: new Map([['t', 'id']]) }
  const page = ({ store }: typeof other, row: Row) => {
    const changes = [{ scope: 's', table: 't', upsert: [row], remove: [] }]
    return store.write('remote', (transaction) =>
      applyPage(transaction, { changes, left: [], cursor: {} }, asked),
    )
  }
  let overtaken = false
  const one = local(
    encrypted(name, {
      ...cipher,
      async seal(text, context) {
        // Another tab takes in what has come since, before this one has what it needs.
        if (!overtaken) {
          overtaken = true
          await page(other, { id: 'a', name: 'new', version: 2 })
        }
        return cipher.seal(text, context)
      },
    }),
  )
  const told: string[] = []
  one.store.onCommit(({ rows }) => told.push(...rows.keys()))
  expect(await page(one, { id: 'a', name: 'old', version: 1 })).toBeUndefined()
  expect(overtaken).toBe(true)
  expect(told).toEqual([])
  expect(await one.t.get('a')).toMatchObject({ name: 'new' })
  for (const { store } of [one, other]) await store.close()
})

it('a read of more than is kept opens each value once, whatever else is read meanwhile', async () => {
  const names = Array.from({ length: 50_002 }, (_, n) => `c${n}`)
  const storage = memoryStorage()
  let opened = 0
  const secret = encryptedStorage(storage, {
    columns: { t: names },
    cipher: {
      seal: async (text) => text,
      async open(text) {
        opened++
        if (opened === names.length) {
          await settled()
          await secret.transaction('readonly', async () => {})
        }
        return text
      },
    },
  })
  await storage.open()
  const row = Object.fromEntries(names.map((name) => [name, { $sealed: '1' }]))
  await storage.transaction('readwrite', (tx) =>
    tx.putMany('rows', [{ table: 't', id: 'a', row, version: 1 }]),
  )
  const found = await secret.transaction('readonly', (tx) => tx.get('rows', ['t', 'a']))
  expect(new Set(Object.values(found!.row!))).toEqual(new Set([1]))
  expect(opened).toBe(names.length)
})
