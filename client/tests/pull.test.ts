import { describe, expect, it } from 'vitest'
import { applyPushResponse } from '../src/database/push-response.ts'
import { systemClock } from '../src/util/clock.ts'
import { uuid } from '../src/util/uuid.ts'
import { applyPage, type Page } from '../src/database/apply-page.ts'
import type { Row } from '../src/model/row.ts'
import { local } from './support/local.ts'
import { cursorOf } from '../src/database/meta.ts'

/** A device and the pages it is given. */
function pulling() {
  const device = local()
  const page = async (more: Partial<Page>, pages?: number) => {
    const at = pages ?? (await device.store.read(cursorOf)).pages
    const whole = { changes: [], left: [], cursor: { at }, ...more }
    return device.store.write('remote', (transaction) =>
      applyPage(transaction, whole, { pages: at, tables: ['t'], keys: new Map([['t', 'id']]) }),
    )
  }
  const change = (scope: string, upsert: Row[], remove: string[] = []) =>
    page({ changes: [{ scope, table: 't', upsert, remove }] })
  /** A row that the server has taken and no page has named. */
  const pushed = async (id: string) => {
    await device.t.insert({ id })
    const batch = (await device.send())!
    const results = [{ seq: batch.mutations[0]!.seq, status: 'applied' as const, version: 1 }]
    await device.store.write('remote', (transaction) =>
      applyPushResponse(
        transaction,
        batch,
        { results, last_seq: results[0]!.seq, server_time: '' },
        { clock: systemClock, newId: uuid },
      ),
    )
  }
  return { ...device, page, change, pushed }
}

describe('a page', () => {
  it('is taken in with its cursor, and counts what is news', async () => {
    const { t, store, change } = pulling()
    const rows = [
      { id: 'a', n: 1, version: 1 },
      { id: 'b', n: 1, version: 4 },
    ]
    expect(await change('s', rows)).toBe(2)
    expect(await t.list()).toEqual(rows)
    expect(await store.read(cursorOf)).toMatchObject({ cursor: { at: 0 }, pages: 1 })
    expect(await change('s', [{ id: 'a', n: 2, version: 2 }], ['b', 'never'])).toBe(2)
    expect(await t.list()).toEqual([{ id: 'a', n: 2, version: 2 }])
  })

  it('changes nothing when it is taken in again', async () => {
    const { t, change } = pulling()
    await change('s', [{ id: 'a', n: 1, version: 1 }])
    expect(await change('s', [{ id: 'a', n: 1, version: 1 }], ['gone'])).toBe(0)
    expect(await t.list()).toEqual([{ id: 'a', n: 1, version: 1 }])
  })

  it('does not bring back an older state of a row', async () => {
    const { t, change } = pulling()
    await change('s', [{ id: 'a', n: 2, version: 2 }])
    expect(await change('s', [{ id: 'a', n: 1, version: 1 }])).toBe(0)
    expect(await t.get('a')).toMatchObject({ n: 2 })
  })

  it('that tells of a scope left takes along rows that no page has named yet', async () => {
    const { t, pushed, page } = pulling()
    await pushed('a')
    await t.insert({ id: 'unsent' })
    await page({ left: ['s'] })
    expect(await t.list()).toMatchObject([{ id: 'unsent' }])
  })

  it('that ends a first download drops what was pushed before it and is no longer there', async () => {
    const { t, pushed, page } = pulling()
    await pushed('there')
    await pushed('lost in a restore')
    await t.insert({ id: 'unsent' })
    const upsert = [{ id: 'there', version: 1 }]
    await page({ changes: [{ scope: 's', table: 't', upsert, remove: [] }], more: true })
    expect(await t.list()).toHaveLength(3)
    await page({ more: false })
    expect((await t.list()).map(({ id }) => id).toSorted()).toEqual(['there', 'unsent'])
  })

  it('that was asked for before the store went on is not taken in', async () => {
    const { t, page, store } = pulling()
    await page({ cursor: { at: 'first' } })
    const stale = { scope: 's', table: 't', upsert: [{ id: 'a', version: 1 }], remove: [] }
    expect(await page({ changes: [stale], cursor: { at: 'stale' } }, 0)).toBeUndefined()
    expect(await t.list()).toEqual([])
    expect(await store.read(cursorOf)).toMatchObject({ cursor: { at: 'first' } })
  })

  it('with a row without its primary key says which one is wanted, and takes in nothing', async () => {
    const { t, change } = pulling()
    await expect(change('s', [{ id: 'a', version: 1 }, { code: 'b' }])).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'no_key',
    })
    expect(await t.list()).toEqual([])
  })

  it('with a tombstone does not show it', async () => {
    const { t, change } = pulling()
    await change('s', [{ id: 'a', version: 2, deleted_at: '2026-01-01T00:00:00Z' }])
    expect(await t.list()).toEqual([])
  })
})

describe('a removal', () => {
  it('holds for the scope that the row is held under, whichever comes first', async () => {
    const { t, change } = pulling()
    await change('trip:1', [{ id: 'a', version: 1 }])
    await change('trip:2', [{ id: 'a', version: 2 }])
    await change('trip:1', [], ['a'])
    expect(await t.list()).toEqual([{ id: 'a', version: 2 }])
    await change('trip:2', [], ['a'])
    await change('trip:1', [{ id: 'a', version: 3 }])
    expect(await t.list()).toEqual([{ id: 'a', version: 3 }])
  })

  it('of a row with queued edits waits until the server has answered them', async () => {
    const { t, change, queue } = pulling()
    await change('s', [{ id: 'a', n: 1, version: 1 }])
    await t.update('a', { n: 2 })
    await change('s', [], ['a'])
    expect(await t.get('a')).toMatchObject({ n: 2 })
    await queue.clear()
    expect(await t.get('a')).toBeNull()
  })
})

describe('a scope that is left', () => {
  it('takes its rows along, and no others', async () => {
    const { t, change, page } = pulling()
    await change('trip:1', [{ id: 'a', version: 1 }])
    await change('trip:2', [{ id: 'b', version: 1 }])
    await t.insert({ id: 'c' })
    expect(await page({ left: ['trip:1'] })).toBe(1)
    expect((await t.list()).map(({ id }) => id)).toEqual(['b', 'c'])
  })
})

describe('a reset', () => {
  it('drops what is pushed after it and gone again before the download begins', async () => {
    const { t, pushed, page } = pulling()
    await page({ reset: true, cursor: null as never, more: true })
    await pushed('there')
    await pushed('gone')
    const upsert = [{ id: 'there', version: 1 }]
    await page({ changes: [{ scope: 's', table: 't', upsert, remove: [] }], more: true })
    await pushed('sent during the download')
    await page({ more: false })
    expect((await t.list()).map(({ id }) => id)).toEqual(['sent during the download', 'there'])
  })

  it('drops the rows and keeps the queue, with the rows it is about', async () => {
    const { t, change, page, queue, store } = pulling()
    await change('s', [
      { id: 'a', n: 1, version: 7 },
      { id: 'b', n: 1, version: 7 },
    ])
    await t.update('a', { n: 2 })
    await t.insert({ id: 'c', n: 3 })
    await page({ reset: true, cursor: null as never })
    expect((await t.list()).map(({ id, n }) => [id, n])).toEqual([
      ['a', 2],
      ['c', 3],
    ])
    expect(await queue.stats()).toMatchObject({ pending: 2 })
    expect(await store.read(cursorOf)).toMatchObject({ cursor: null })
  })

  it('takes the rows that follow, also where the database has gone back to older versions', async () => {
    const { t, change, page } = pulling()
    await change('s', [{ id: 'a', n: 1, x: 1, version: 7 }])
    await t.update('a', { n: 2 })
    await page({ reset: true })
    await change('s', [{ id: 'a', n: 0, x: 0, version: 3 }])
    expect(await t.get('a')).toEqual({ id: 'a', n: 2, x: 0, version: 3 })
  })
})
