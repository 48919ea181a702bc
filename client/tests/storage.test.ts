import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import { StorageError } from '../src/model/errors.ts'
import type { SyncStorage, Transaction } from '../src/storage/contract.ts'
import { indexedDbStorage } from '../src/storage/indexeddb.ts'
import { localStorageStorage, type WebStorage } from '../src/storage/localstorage.ts'
import { sqliteError, syncSqlite } from '../src/storage/sqlite-driver.ts'
import { sqliteStorage } from '../src/storage/sqlite.ts'
import { edit, row } from './support/records.ts'
import { FileArea, kinds, newFile } from './support/storages.ts'

describe.each(kinds)('a storage keeps its contract: $kind', ({ make }) => {
  const opened: SyncStorage[] = []

  async function open(again = make()): Promise<SyncStorage> {
    const storage = again()
    await storage.open()
    opened.push(storage)
    return storage
  }

  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close()
  })

  const write = <T>(storage: SyncStorage, body: (tx: Transaction) => Promise<T>) =>
    storage.transaction('readwrite', body)
  const read = <T>(storage: SyncStorage, body: (tx: Transaction) => Promise<T>) =>
    storage.transaction('readonly', body)

  it('gives back what was put, by key, and undefined for what was not', async () => {
    const storage = await open()
    await write(storage, (tx) => tx.putMany('rows', [row('t', 'a'), row('t', 'b')]))
    expect(await read(storage, (tx) => tx.get('rows', ['t', 'a']))).toEqual(row('t', 'a'))
    expect(await read(storage, (tx) => tx.get('rows', ['u', 'a']))).toBeUndefined()
    const keys = [['t', 'b'] as const, ['t', 'x'] as const, ['t', 'a'] as const]
    expect(await read(storage, (tx) => tx.getMany('rows', keys))).toEqual([
      row('t', 'b'),
      undefined,
      row('t', 'a'),
    ])
  })

  it('gets a page of keys in the order asked for, whatever lies between them', async () => {
    const storage = await open()
    const id = (n: number) => String(n).padStart(5, '0')
    const rows = Array.from({ length: 500 }, (_, n) => row('t', id(n)))
    await write(storage, (tx) => tx.putMany('rows', rows))
    const ask = async (numbers: number[]) => {
      const keys = numbers.map((n) => ['t', id(n)] as const)
      const got = await read(storage, (tx) => tx.getMany('rows', keys))
      return got.map((record) => record && Number(record.id))
    }
    const dense = Array.from({ length: 200 }, (_, n) => 450 - n)
    expect(await ask(dense)).toEqual(dense)
    const sparse = Array.from({ length: 60 }, (_, n) => n * 9)
    expect(await ask(sparse)).toEqual(sparse.map((n) => (n < 500 ? n : undefined)))
    const absent = Array.from({ length: 60 }, (_, n) => 1000 + n)
    expect(await ask(absent)).toEqual(absent.map(() => undefined))
  })

  it('replaces by key and forgets what was deleted', async () => {
    const storage = await open()
    await write(storage, (tx) => tx.putMany('rows', [row('t', 'a'), row('t', 'b')]))
    await write(storage, (tx) => tx.putMany('rows', [row('t', 'a', { version: 2 })]))
    await write(storage, (tx) =>
      tx.deleteMany('rows', [
        ['t', 'b'],
        ['t', 'never'],
      ]),
    )
    const all = await read(storage, (tx) => tx.scan('rows'))
    expect(all).toEqual([row('t', 'a', { version: 2 })])
  })

  it('scans in key order: numbers as numbers, rows by table and id', async () => {
    const storage = await open()
    await write(storage, async (tx) => {
      await tx.putMany('queue', [edit(10), edit(9), edit(100), edit(1)])
      await tx.putMany('rows', [row('u', 'a'), row('t', 'b'), row('t', 'a')])
    })
    const queue = await read(storage, (tx) => tx.scan('queue'))
    expect(queue.map(({ seq }) => seq)).toEqual([1, 9, 10, 100])
    const first = await read(storage, (tx) => tx.scan('queue', { limit: 2 }))
    expect(first.map(({ seq }) => seq)).toEqual([1, 9])
    const rows = await read(storage, (tx) => tx.scan('rows'))
    expect(rows.map(({ table, id }) => table + id)).toEqual(['ta', 'tb', 'ua'])
  })

  it('scans by index: exactly the records with those values, as they are now', async () => {
    const storage = await open()
    await write(storage, async (tx) => {
      await tx.putMany('rows', [
        row('t', 'a', { scope: 's1' }),
        row('t', 'b', { scope: 's2' }),
        row('t', 'c'),
        row('tt', 'a', { scope: 's1' }),
      ])
      await tx.putMany('queue', [edit(2), edit(1), edit(3, { id: 'b' }), edit(4, { table: 'u' })])
    })
    const ids = async (index: 'table' | 'scope', value: string) => {
      const found = await read(storage, (tx) => tx.scan('rows', { index, equals: [value] }))
      return found.map(({ table, id }) => table + id)
    }
    expect(await ids('scope', 's1')).toEqual(['ta', 'tta'])
    expect(await ids('table', 't')).toEqual(['ta', 'tb', 'tc'])
    const edits = await read(storage, (tx) =>
      tx.scan('queue', { index: 'row', equals: ['t', 'a'] }),
    )
    expect(edits.map(({ seq }) => seq)).toEqual([1, 2])

    await write(storage, async (tx) => {
      await tx.putMany('rows', [row('t', 'a', { scope: 's2' }), row('t', 'b')])
      await tx.deleteMany('rows', [['tt', 'a']])
    })
    expect(await ids('scope', 's1')).toEqual([])
    expect(await ids('scope', 's2')).toEqual(['ta'])
  })

  it('sees its own writes inside a transaction', async () => {
    const storage = await open()
    await write(storage, async (tx) => {
      await tx.putMany('queue', [edit(1)])
      expect(await tx.get('queue', 1)).toEqual(edit(1))
      expect(await tx.count('queue')).toBe(1)
      await tx.deleteMany('queue', [1])
      expect(await tx.scan('queue')).toEqual([])
    })
  })

  it('undoes every write of a transaction that throws, and passes the error on', async () => {
    const storage = await open()
    await write(storage, (tx) => tx.putMany('rows', [row('t', 'a', { scope: 's' }), row('t', 'b')]))
    const error = new Error('no')
    const failing = write(storage, async (tx) => {
      await tx.putMany('rows', [row('t', 'a', { version: 9, scope: 'z' }), row('t', 'c')])
      await tx.deleteMany('rows', [['t', 'b']])
      await tx.putMany('queue', [edit(1)])
      throw error
    })
    await expect(failing).rejects.toBe(error)
    await read(storage, async (tx) => {
      expect(await tx.scan('rows')).toEqual([row('t', 'a', { scope: 's' }), row('t', 'b')])
      expect(await tx.scan('rows', { index: 'scope', equals: ['z'] })).toEqual([])
      expect(await tx.count('queue')).toBe(0)
    })
  })

  it('runs read-modify-writes one after the other, also from two places at once', async () => {
    const again = make()
    const storages = [await open(again), await open(again)]
    const one = (storage: SyncStorage) =>
      write(storage, async (tx) => {
        const last = (await tx.scan('queue')).at(-1)?.seq ?? 0
        await tx.putMany('queue', [edit(last + 1)])
      })
    await Promise.all(Array.from({ length: 40 }, (_, n) => one(storages[n % 2]!)))
    const queue = await read(storages[0]!, (tx) => tx.scan('queue'))
    expect(queue.map(({ seq }) => seq)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1))
  })

  it('keeps everything over closing and opening', async () => {
    const again = make()
    const storage = await open(again)
    await write(storage, (tx) => tx.putMany('rows', [row('t', 'a')]))
    await storage.close()
    const reopened = await open(again)
    expect(await read(reopened, (tx) => tx.scan('rows'))).toEqual([row('t', 'a')])
  })

  it('refuses to write in a transaction that only reads', async () => {
    const storage = await open()
    await expect(read(storage, (tx) => tx.putMany('rows', [row('t', 'a')]))).rejects.toThrow(
      StorageError,
    )
    expect(await read(storage, (tx) => tx.count('rows'))).toBe(0)
  })

  it('says closed when it is not open', async () => {
    const storage = await open()
    await storage.close()
    await expect(read(storage, (tx) => tx.count('rows'))).rejects.toMatchObject({
      name: 'StorageError',
      code: 'closed',
    })
  })

  it('takes a page of 10,000 rows in one transaction', async () => {
    const storage = await open()
    const rows = Array.from({ length: 10_000 }, (_, n) => row('t', String(n)))
    await write(storage, (tx) => tx.putMany('rows', rows))
    expect(await read(storage, (tx) => tx.count('rows'))).toBe(10_000)
  })
})

describe('what a storage fails with has a name', () => {
  const rows = (count: number) =>
    Array.from({ length: count }, (_, n) => row('t', String(n), { row: { text: 'x'.repeat(100) } }))
  const put = (storage: SyncStorage, count: number) =>
    storage.transaction('readwrite', (tx) => tx.putMany('rows', rows(count)))
  const count = (storage: SyncStorage) => storage.transaction('readonly', (tx) => tx.count('rows'))

  it('IndexedDB: quota, and corrupt', async () => {
    const storage = indexedDbStorage(randomUUID())
    await storage.open()
    const failing = (name: string) =>
      storage.transaction('readwrite', () => Promise.reject(new DOMException('no', name)))
    await expect(failing('QuotaExceededError')).rejects.toMatchObject({
      name: 'StorageError',
      code: 'quota',
      retryable: false,
    })
    await expect(failing('NotReadableError')).rejects.toMatchObject({ code: 'corrupt' })
    const uncloneable = row('t', 'a', { row: { f: () => 1 } })
    await expect(
      storage.transaction('readwrite', (tx) => tx.putMany('rows', [uncloneable])),
    ).rejects.toMatchObject({ name: 'StorageError' })
    await storage.close()
  })

  it('localStorage that is full says quota, and everything is as before', async () => {
    for (const quota of [5_000, 52_000, 60_000, 70_000]) {
      const area = new FileArea(newFile(), quota)
      const storage = localStorageStorage('app', { area })
      await storage.open()
      await put(storage, 10)
      await expect(put(storage, 200)).rejects.toMatchObject({ name: 'StorageError', code: 'quota' })
      expect(await count(storage)).toBe(10)
      await storage.close()
      const again = localStorageStorage('app', { area })
      await again.open()
      expect(await count(again)).toBe(10)
      await put(again, 11)
      expect(await count(again)).toBe(11)
    }
  })

  it('localStorage whose tab dies in the middle of a commit has all of it or nothing', async () => {
    for (let alive = 0; ; alive++) {
      const area = new FileArea()
      const storage = localStorageStorage('app', { area })
      await storage.open()
      await put(storage, 3)
      let left = alive
      const dying: WebStorage = {
        get length() {
          return area.length
        },
        key: (place) => area.key(place),
        getItem: (item) => area.getItem(item),
        setItem: (item, value) => left-- > 0 && area.setItem(item, value),
        removeItem: (item) => left-- > 0 && area.removeItem(item),
      }
      const doomed = localStorageStorage('app', { area: dying })
      await doomed.open()
      await doomed.transaction('readwrite', async (tx) => {
        await tx.putMany('rows', rows(7).slice(3))
        await tx.deleteMany('rows', [['t', '0']])
        await tx.putMany('queue', [edit(1)])
      })
      const again = localStorageStorage('app', { area })
      await again.open()
      const queued = await again.transaction('readonly', (tx) => tx.count('queue'))
      expect([await count(again), queued]).toEqual(alive === 0 ? [3, 0] : [6, 1])
      if (left > 0) break
    }
  })

  it('a tab on localStorage sees what another one has written', async () => {
    const area = new FileArea()
    const [one, other] = [1, 2].map(() => localStorageStorage('app', { area })) as [
      SyncStorage,
      SyncStorage,
    ]
    await one.open()
    await other.open()
    await put(one, 2)
    expect(await count(other)).toBe(2)
    await put(other, 5)
    expect(await count(one)).toBe(5)
  })

  it('a SQLite database that is full says quota, and everything is as before', async () => {
    const db = new DatabaseSync(newFile())
    const storage = sqliteStorage(syncSqlite(db))
    await storage.open()
    await put(storage, 10)
    const { page_count } = db.prepare('pragma page_count').get() as { page_count: number }
    db.exec(`pragma max_page_count = ${page_count + 2}`)
    await expect(put(storage, 2_000)).rejects.toMatchObject({ name: 'StorageError', code: 'quota' })
    expect(await count(storage)).toBe(10)
    db.exec('pragma max_page_count = 100000')
    await put(storage, 2_000)
    expect(await count(storage)).toBe(2_000)
  })

  it('a file that is no database says corrupt, one in use blocked, one that was closed closed', async () => {
    const file = newFile()
    writeFileSync(file, 'not a database at all'.repeat(1000))
    await expect(sqliteStorage(syncSqlite(new DatabaseSync(file))).open()).rejects.toMatchObject({
      name: 'StorageError',
      code: 'corrupt',
    })
    const db = new DatabaseSync(newFile())
    const storage = sqliteStorage(syncSqlite(db))
    await storage.open()
    db.close()
    await expect(count(storage)).rejects.toMatchObject({ code: 'closed' })
    const codes = [
      [Object.assign(new Error('x'), { code: 'SQLITE_BUSY' }), 'blocked'],
      [Object.assign(new Error('x'), { code: 'SQLITE_FULL' }), 'quota'],
      [new Error('Error code 11: database disk image is malformed'), 'corrupt'],
    ] as const
    for (const [error, code] of codes) expect(sqliteError(error)).toMatchObject({ code })
  })

  it('records that cannot be read are named, with what is there', async () => {
    const db = new DatabaseSync(newFile())
    const sqlite = sqliteStorage(syncSqlite(db))
    const area = new FileArea()
    const local = localStorageStorage('app', { area })
    for (const storage of [sqlite, local]) {
      await storage.open()
      await put(storage, 3)
    }
    await local.close()
    await local.open()
    db.exec(`update tidemark_rows set record = '{"table' where id = '1'`)
    area.setItem('app/rows/["t","1"]', '{"table')
    for (const storage of [sqlite, local]) {
      const scan = storage.transaction('readonly', (tx) => tx.scan('rows'))
      await expect(scan).rejects.toMatchObject({
        name: 'StorageError',
        code: 'corrupt',
        damaged: [{ store: 'rows', key: ['t', '1'], content: '{"table' }],
      })
      const other = storage.transaction('readonly', (tx) => tx.get('rows', ['t', '2']))
      expect(await other).toMatchObject({ id: '2' })
      await storage.transaction('readwrite', (tx) => tx.deleteMany('rows', [['t', '1']]))
      expect(await count(storage)).toBe(2)
    }
  })

  it('two connections write to one SQLite file in turns, waiting for each other', async () => {
    const file = newFile()
    const [one, other] = [1, 2].map(() => sqliteStorage(syncSqlite(new DatabaseSync(file)))) as [
      SyncStorage,
      SyncStorage,
    ]
    await Promise.all([one.open(), other.open()])
    const slow = one.transaction('readwrite', async (tx) => {
      for (let n = 1; n <= 20; n++) {
        await tx.putMany('queue', [edit(n)])
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    const seen = await other.transaction('readwrite', (tx) => tx.count('queue'))
    await slow
    expect([0, 20]).toContain(seen)
  })
})
