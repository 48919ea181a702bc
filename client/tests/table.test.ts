import { afterEach, describe, expect, it, vi } from 'vitest'
import { memoryStorage, type Row, type SyncStorage } from '../src/index.ts'
import { local } from './support/local.ts'
import { settled } from './support/time.ts'

describe('a table', () => {
  it('makes up a primary key that is absent, in order of creation', async () => {
    const { t, u } = local()
    const rows = await t.insertMany(Array.from({ length: 100 }, (_, n) => ({ n })))
    const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    for (const { id } of rows) expect(id).toMatch(pattern)
    expect((await t.list()).map(({ n }) => n)).toEqual(rows.map(({ n }) => n))
    expect(await u.insert({ n: 1 })).toMatchObject({ code: expect.stringMatching(pattern) })
  })

  it('takes a number as a primary key, and text for the same', async () => {
    const { t } = local()
    await t.insert({ id: 7, name: 'x' })
    expect(await t.get('7')).toEqual({ id: 7, name: 'x' })
    await t.update(7, { name: 'y' })
    expect(await t.get(7)).toEqual({ id: 7, name: 'y' })
  })

  it('gives null for a row that is not there, and removes it without complaint', async () => {
    const { t, queue } = local()
    expect(await t.get('a')).toBeNull()
    await t.remove('a')
    expect(await queue.list()).toEqual([])
  })

  it('refuses to add what is there and to change what is not', async () => {
    const { t, queue } = local()
    await t.insert({ id: 'a' })
    await expect(t.insert({ id: 'a' })).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'exists',
    })
    await expect(t.update('b', { n: 1 })).rejects.toMatchObject({ code: 'not_found' })
    await expect(t.insertMany([{ id: 'b' }, { id: 'b' }])).rejects.toMatchObject({ code: 'exists' })
    expect(await queue.list()).toHaveLength(1)
    expect(await t.list()).toEqual([{ id: 'a' }])
  })

  it('refuses to change a primary key, and what is not JSON', async () => {
    const { t } = local()
    await t.insert({ id: 'a' })
    await expect(t.update('a', { id: 'b' })).rejects.toMatchObject({ code: 'invalid_value' })
    await expect(t.insert({ n: 1n })).rejects.toMatchObject({ code: 'invalid_value' })
  })

  it('keeps values as the server will print them: dates as text, nothing undefined', async () => {
    const { t } = local()
    const row = await t.insert({ id: 'a', at: new Date(0), gone: undefined, list: [undefined] })
    expect(row).toEqual({ id: 'a', at: '1970-01-01T00:00:00.000Z', list: [null] })
  })

  it('hands out copies: changing one changes nothing', async () => {
    const { t } = local()
    const given = { id: 'a', tags: ['x'] }
    await t.insert(given)
    given.tags.push('y')
    const got = await t.get('a')
    ;(got!.tags as string[]).push('z')
    expect(await t.get('a')).toEqual({ id: 'a', tags: ['x'] })
  })
})

describe('a list', () => {
  async function people() {
    const { t } = local()
    await t.insertMany([
      { id: '1', name: 'Cy', age: 30, tags: ['p'] },
      { id: '2', name: 'Al', age: null },
      { id: '3', name: 'Bo', age: 20, tags: [] },
      { id: '4', name: 'Al', age: 40 },
    ])
    return t
  }
  const ids = (rows: Record<string, unknown>[]) => rows.map(({ id }) => id).join('')

  it('is filtered by equality or by a function', async () => {
    const t = await people()
    expect(ids(await t.list())).toBe('1234')
    expect(ids(await t.list({ name: 'Al' }))).toBe('24')
    expect(ids(await t.list({ name: 'Al', age: 40 }))).toBe('4')
    expect(ids(await t.list({ age: null }))).toBe('2')
    expect(ids(await t.list({ tags: ['p'] }))).toBe('1')
    expect(ids(await t.list((row) => (row.age as number) > 20))).toBe('14')
  })

  it('is ordered, nulls last, and cut', async () => {
    const t = await people()
    expect(ids(await t.list({}, { order: 'age' }))).toBe('3142')
    expect(ids(await t.list({}, { order: { column: 'age', ascending: false } }))).toBe('4132')
    expect(ids(await t.list({}, { order: ['name', { column: 'age', ascending: false }] }))).toBe(
      '4231',
    )
    expect(ids(await t.list({}, { order: 'age', limit: 2 }))).toBe('31')
    expect(ids(await t.list({}, { order: 'age', offset: 1, limit: 2 }))).toBe('14')
  })
})

describe('a subscription', () => {
  afterEach(() => void vi.restoreAllMocks())
  const complained = () => vi.spyOn(console, 'error').mockImplementation(() => {})

  it('begins with what is there and goes on with every change that concerns it', async () => {
    const { t, u } = local()
    await t.insert({ id: 'a', n: 1 })
    const seen: unknown[] = []
    const end = t.subscribe({ n: 1 }, (rows) => seen.push(rows.map(({ id }) => id).join('')))
    await settled()
    await t.insert({ id: 'b', n: 1 })
    await settled()
    await t.insert({ id: 'c', n: 2 })
    await u.insert({ code: 'd', n: 1 })
    await settled()
    await t.update('a', { n: 2 })
    await settled()
    await t.remove('b')
    await settled()
    expect(seen).toEqual(['a', 'ab', 'b', ''])
    end()
    await t.insert({ id: 'e', n: 1 })
    await settled()
    expect(seen).toHaveLength(4)
  })

  it('tells of many changes at once only once', async () => {
    const { t } = local()
    let calls = 0
    t.subscribe(() => calls++)
    await settled()
    await t.insertMany(Array.from({ length: 100 }, () => ({})))
    await settled()
    expect(calls).toBe(2)
  })

  it('misses nothing that happens while it is being read', async () => {
    const storage = memoryStorage()
    const slow: SyncStorage = {
      ...storage,
      async transaction(mode, body) {
        const result = await storage.transaction(mode, body)
        if (mode === 'readonly') await settled()
        return result
      },
    }
    const { t } = local(slow)
    await t.insertMany([{ id: 'a' }, { id: 'b' }])
    let last: unknown
    t.subscribe((rows) => (last = rows.map(({ id }) => id)))
    await Promise.resolve()
    await t.remove('a')
    await t.insert({ id: 'c' })
    expect(last).toBeUndefined()
    await settled()
    await settled()
    expect(last).toEqual(['b', 'c'])
  })

  it('is not broken by a subscriber that throws', async () => {
    const { t } = local()
    const complaints = complained()
    let calls = 0
    t.subscribe(() => {
      calls++
      throw new Error('mine')
    })
    await settled()
    await t.insert({ id: 'a' })
    await settled()
    expect(calls).toBe(2)
    expect(complaints).toHaveBeenCalledTimes(2)
  })

  it('takes a row at which its filter throws for one that does not match', async () => {
    const { t } = local()
    const complaints = complained()
    await t.insert({ id: 'a' })
    const seen: unknown[] = []
    const tagged = (row: Row) => (row.tags as string[]).includes('x')
    t.subscribe(tagged, (rows) => seen.push(rows.map(({ id }) => id).join('')))
    await settled()
    expect(await t.insert({ id: 'b' })).toEqual({ id: 'b' })
    await t.insert({ id: 'c', tags: ['x'] })
    await settled()
    await t.update('c', { tags: null })
    await settled()
    expect(seen).toEqual(['', 'c', ''])
    expect(complaints).toHaveBeenCalledTimes(3)
    await expect(t.list(tagged)).rejects.toThrow(TypeError)
  })
})
