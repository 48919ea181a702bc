import { describe, expect, it } from 'vitest'
import { applyPushResponse } from '../src/database/push-response.ts'
import { systemClock } from '../src/util/clock.ts'
import { uuid } from '../src/util/uuid.ts'
import { applyPage } from '../src/database/apply-page.ts'
import type { PushResult } from '../../supabase/functions/_tidemark/wire.ts'
import { local } from './support/local.ts'

/** A device that holds `row` as the server's, in version 3. */
async function having(row: Record<string, unknown>) {
  const device = local()
  await page(device, 0, { upsert: [{ ...row, version: 3 }], remove: [] })
  return device
}

/** Takes in the next page of a pull. */
const page = (
  device: ReturnType<typeof local>,
  pages: number,
  change: { upsert: Record<string, unknown>[]; remove: string[] },
) =>
  device.store.write('remote', (transaction) =>
    applyPage(
      transaction,
      { changes: [{ scope: 's', table: 't', ...change }], left: [], cursor: {} },
      { pages, tables: ['t'], keys: new Map([['t', 'id']]) },
    ),
  )

/** Answers everything that waits. */
async function answer(
  device: ReturnType<typeof local>,
  results: PushResult[],
  more: { repeated_from?: number } = {},
) {
  const batch = await device.send()
  const last_seq = results.at(-1)!.seq
  return device.store.write('remote', (transaction) =>
    applyPushResponse(
      transaction,
      batch!,
      { results, last_seq, server_time: '', ...more },
      { clock: systemClock, newId: uuid },
    ),
  )
}

describe('edits of a row that were not sent become one', () => {
  it('a patch goes into the put before it', async () => {
    const { t, queue } = local()
    await t.insert({ id: 'a', name: 'x' })
    await t.update('a', { name: 'y', phone: '1' })
    expect(await queue.list()).toMatchObject([
      { seq: 1, op: 'put', base: null, data: { id: 'a', name: 'y', phone: '1' } },
    ])
  })

  it('patches keep the first base and the first old values', async () => {
    const { t, queue } = await having({ id: 'a', name: 'x', phone: '1' })
    await t.update('a', { name: 'y' })
    await t.update('a', { name: 'z', phone: '2' })
    expect(await queue.list()).toMatchObject([
      { op: 'patch', base: 3, data: { name: 'z', phone: '2' }, old: { name: 'x', phone: '1' } },
    ])
  })

  it('a patch of other columns that was made on a newer version stays apart', async () => {
    const device = await having({ id: 'a', name: 'x', phone: '1' })
    const { t, queue } = device
    await t.update('a', { name: 'y' })
    await page(device, 1, { upsert: [{ id: 'a', name: 'x', phone: '2', version: 4 }], remove: [] })
    await t.update('a', { phone: '3' })
    expect(await queue.list()).toMatchObject([
      { op: 'patch', base: 3, data: { name: 'y' }, old: { name: 'x' } },
      { op: 'patch', base: 4, data: { phone: '3' }, old: { phone: '2' } },
    ])
    expect(await t.get('a')).toMatchObject({ name: 'y', phone: '3' })
    await t.remove('a')
    expect((await queue.list()).map(({ op, base }) => [op, base])).toEqual([
      ['patch', 3],
      ['delete', 4],
    ])
  })

  it('a patch of the same column keeps the first base: what others wrote there was not seen', async () => {
    const device = await having({ id: 'a', name: 'x' })
    const { t, queue } = device
    await t.update('a', { name: 'y' })
    await page(device, 1, { upsert: [{ id: 'a', name: 'theirs', version: 4 }], remove: [] })
    expect(await t.get('a')).toMatchObject({ name: 'y' })
    await t.update('a', { name: 'z' })
    expect(await queue.list()).toMatchObject([
      { op: 'patch', base: 3, data: { name: 'z' }, old: { name: 'x' } },
    ])
  })

  it('a removal after an unsent put leaves nothing', async () => {
    const { t, queue } = local()
    await t.insert({ id: 'a', name: 'x' })
    await t.update('a', { name: 'y' })
    await t.remove('a')
    expect(await queue.list()).toEqual([])
    expect(await t.get('a')).toBeNull()
  })

  it('a removal after a patch is a removal with the patch\u2019s base', async () => {
    const { t, queue } = await having({ id: 'a', name: 'x' })
    await t.update('a', { name: 'y' })
    await t.remove('a')
    const [edit, ...others] = await queue.list()
    expect(others).toEqual([])
    expect(edit).toMatchObject({ op: 'delete', base: 3 })
    expect(edit).not.toHaveProperty('data')
  })

  it('a row removed and added again is a put with the removal\u2019s base', async () => {
    const { t, queue } = await having({ id: 'a', name: 'x' })
    await t.remove('a')
    await t.insert({ id: 'a', name: 'new' })
    expect(await queue.list()).toMatchObject([{ op: 'put', base: 3, data: { name: 'new' } }])
    await t.remove('a')
    expect(await queue.list()).toMatchObject([{ op: 'delete', base: 3 }])
  })

  it('edits of different rows stay apart, in the order in which they were made', async () => {
    const { t, u, queue } = local()
    await t.insert({ id: 'a' })
    await u.insert({ code: 'a' })
    await t.insert({ id: 'b' })
    await t.update('a', { n: 1 })
    expect((await queue.list()).map(({ seq, table, id }) => [seq, table, id])).toEqual([
      [1, 't', 'a'],
      [2, 'u', 'a'],
      [3, 't', 'b'],
    ])
  })
})

describe('an edit that was sent is frozen', () => {
  it('a later edit of its row is a new one with the next number', async () => {
    const { t, queue, send } = local()
    await t.insert({ id: 'a', name: 'x' })
    await send()
    await t.update('a', { name: 'y' })
    expect(await queue.list()).toMatchObject([
      { seq: 1, status: 'sent', attempts: 1, op: 'put', data: { name: 'x' } },
      { seq: 2, status: 'pending', attempts: 0, op: 'patch', data: { name: 'y' } },
    ])
    await t.remove('a')
    expect(await queue.list()).toMatchObject([
      { seq: 1, op: 'put' },
      { seq: 2, op: 'delete' },
    ])
  })

  it('the same batch goes out again, and nothing that was added since', async () => {
    const { t, send } = local()
    await t.insert({ id: 'a' })
    const first = await send()
    await t.insert({ id: 'b' })
    expect(await send()).toEqual(first)
  })

  it('a number is never used twice, also not after its edit was dropped', async () => {
    const { t, queue } = local()
    await t.insert({ id: 'a' })
    await t.remove('a')
    await t.insert({ id: 'b' })
    expect(await queue.list()).toMatchObject([{ seq: 2 }])
  })
})

describe('only what changes is sent', () => {
  it('columns that keep their value are left out, and nothing at all is no edit', async () => {
    const { t, queue } = await having({ id: 'a', name: 'x', tags: ['p', { q: 1 }], note: null })
    await t.update('a', { id: 'a', name: 'x', tags: ['p', { q: 1 }], note: null })
    expect(await queue.list()).toEqual([])
    await t.update('a', { name: 'x', tags: ['p'] })
    expect(await queue.list()).toMatchObject([
      { data: { tags: ['p'] }, old: { tags: ['p', { q: 1 }] } },
    ])
  })

  it('version, updated_at and deleted_at stay on the device', async () => {
    const { t, queue } = local()
    await t.insert({ id: 'a', name: 'x', version: 7, updated_at: 'now', deleted_at: null })
    const [edit] = await queue.list()
    expect(edit!.data).toEqual({ id: 'a', name: 'x' })
  })
})

describe('an answer from the server', () => {
  it('applied: the row takes the version, the edit leaves the queue', async () => {
    const device = await having({ id: 'a', name: 'x', phone: '1' })
    await device.t.update('a', { name: 'y' })
    await answer(device, [{ seq: 1, status: 'applied', version: 4 }])
    expect(await device.t.get('a')).toEqual({ id: 'a', name: 'y', phone: '1', version: 4 })
    expect(await device.queue.stats()).toEqual({ pending: 0, sent: 0, failed: 0, completed: 1 })
  })

  it('applied: the next edit of the row counts on that version', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    await device.send()
    await device.t.update('a', { name: 'y' })
    await answer(device, [{ seq: 1, status: 'applied', version: 1 }])
    expect(await device.queue.list()).toMatchObject([{ seq: 2, op: 'patch', base: 1 }])
    expect(await device.t.get('a')).toMatchObject({ name: 'y', version: 1 })
  })

  it('merged, of a row that has left and is not sent: the row is not shown as if it were here', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'y' })
    await device.store.write('remote', (transaction) =>
      applyPage(
        transaction,
        { changes: [], left: ['s'], cursor: {} },
        { pages: 1, tables: ['t'], keys: new Map([['t', 'id']]) },
      ),
    )
    expect(await device.t.list()).toHaveLength(1)
    await answer(device, [{ seq: 1, status: 'merged', version: 5 }])
    expect(await device.t.list()).toEqual([])
    expect(await device.queue.stats()).toMatchObject({ pending: 0, sent: 0 })
  })

  it('merged: the next edit keeps its base, since it was made without knowing the other one', async () => {
    const device = await having({ id: 'a', name: 'x', phone: '1' })
    await device.t.update('a', { name: 'y' })
    await device.send()
    await device.t.update('a', { phone: '2' })
    const row = { id: 'a', name: 'y', phone: 'theirs', version: 5 }
    await answer(device, [{ seq: 1, status: 'merged', version: 5, row }])
    expect(await device.queue.list()).toMatchObject([{ seq: 2, base: 3, old: { phone: '1' } }])
    expect(await device.t.get('a')).toEqual({ ...row, phone: '2' })
  })

  it('conflict: the row is the server\u2019s, and what was lost is told', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'y' })
    const row = { id: 'a', name: 'theirs', version: 5 }
    const settled = await answer(device, [
      { seq: 1, status: 'conflict', version: 5, row, lost: ['name'] },
    ])
    expect(await device.t.get('a')).toEqual(row)
    expect(settled.conflicts).toEqual([
      { table: 't', id: 'a', lost: ['name'], mine: { name: 'y' }, row },
    ])
    expect(settled.lost).toEqual([{ table: 't', id: 'a', columns: ['name'] }])
  })

  it('rejected: the row is what it was, later edits stay on top, the edit is kept with its reason', async () => {
    const device = await having({ id: 'a', name: 'x', phone: '1' })
    await device.t.update('a', { name: 'bad' })
    await device.send()
    await device.t.update('a', { phone: '2' })
    const error = { code: 'constraint' as const, message: 'no', hint: 'be good' }
    await answer(device, [{ seq: 1, status: 'rejected', error }])
    expect(await device.t.get('a')).toEqual({ id: 'a', name: 'x', phone: '2', version: 3 })
    expect(await device.queue.list({ status: 'failed' })).toMatchObject([
      { seq: 1, op: 'patch', data: { name: 'bad' }, old: { name: 'x' }, attempts: 2, error },
    ])
  })

  it('rejected: a row that was only here is gone, together with edits that build on it', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    await device.send()
    await device.t.update('a', { name: 'y' })
    const error = { code: 'forbidden' as const, message: 'no' }
    await answer(device, [{ seq: 1, status: 'rejected', error }])
    expect(await device.t.get('a')).toBeNull()
    expect(await device.queue.list({ status: 'pending' })).toMatchObject([{ seq: 2 }])
  })

  it('gone: the row goes', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'y' })
    const error = { code: 'gone' as const, message: 'deleted meanwhile' }
    await answer(device, [{ seq: 1, status: 'rejected', error }])
    expect(await device.t.get('a')).toBeNull()
    expect(await device.queue.stats()).toMatchObject({ failed: 1 })
  })

  it('duplicate of an edit sent before: taken as sent, with no newer version than is known', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'y' })
    await device.send()
    await answer(device, [{ seq: 1, status: 'duplicate', version: 9 }], { repeated_from: 1 })
    expect(await device.t.get('a')).toEqual({ id: 'a', name: 'y', version: 3 })
    expect(await device.queue.stats()).toMatchObject({ sent: 0, pending: 0 })
  })

  it('duplicate with the row: the row is the server\u2019s', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'y' })
    await device.send()
    const row = { id: 'a', name: 'z', version: 9 }
    await answer(device, [{ seq: 1, status: 'duplicate', version: 9, row }], { repeated_from: 1 })
    expect(await device.t.get('a')).toEqual(row)
  })

  it('duplicate of a removal that was overruled: told as if it were the first time', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.remove('a')
    await device.send()
    const row = { id: 'a', name: 'z', version: 9 }
    const again = { seq: 1, status: 'duplicate' as const, version: 9, row, lost: [] }
    const { conflicts } = await answer(device, [again], { repeated_from: 1 })
    expect(conflicts).toMatchObject([{ table: 't', id: 'a', row }])
    expect(await device.t.get('a')).toEqual(row)
  })

  it('duplicate with an error: it had been refused, and is set aside now', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'bad' })
    await device.send()
    const error = { code: 'constraint' as const, message: 'no' }
    await answer(device, [{ seq: 1, status: 'duplicate', error } as PushResult], {
      repeated_from: 1,
    })
    expect(await device.t.get('a')).toMatchObject({ name: 'x' })
    expect(await device.queue.list()).toMatchObject([{ status: 'failed', error }])
  })

  it('duplicate of an edit that was kept as a second row: told as if it were the first time', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    await device.send()
    const batch = (await device.send())!
    const again = { seq: 1, status: 'duplicate' as const, version: 2, copy_id: 'b' }
    const { conflicts } = await device.store.write('remote', (transaction) =>
      applyPushResponse(
        transaction,
        batch,
        { results: [again], last_seq: 1, server_time: '', repeated_from: 1 },
        { clock: systemClock, newId: uuid },
      ),
    )
    expect(conflicts).toMatchObject([{ table: 't', id: 'a', copyId: 'b' }])
  })

  it('duplicate in a batch that comes again, of another than that: told from ours, and kept for a new name', async () => {
    const device = local()
    await device.t.insertMany([{ id: 'a' }, { id: 'b' }])
    const before = await device.send()
    const results = [1, 2].map((seq) => ({ seq, status: 'duplicate' as const, version: 1 }))
    await answer(device, results, { repeated_from: 2 })
    expect(await device.queue.list()).toMatchObject([{ seq: 1, id: 'a', status: 'pending' }])
    expect((await device.send())!.deviceId).not.toBe(before!.deviceId)
  })

  it('duplicate of a new row that is ours and that we may not see any more: it goes', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    await device.send()
    await answer(device, [{ seq: 1, status: 'duplicate' }], { repeated_from: 1 })
    expect(await device.queue.list()).toEqual([])
    expect(await device.t.list()).toEqual([])
  })

  it('duplicate of a new row that was deleted meanwhile: it goes', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    await device.send()
    await answer(device, [{ seq: 1, status: 'duplicate', version: 2 }], { repeated_from: 1 })
    expect(await device.t.list()).toEqual([])
  })

  it('duplicate of an edit of a row that a pull has taken away: it goes', async () => {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'y' })
    await device.send()
    await page(device, 1, { upsert: [], remove: ['a'] })
    await answer(device, [{ seq: 1, status: 'duplicate', version: 9 }], { repeated_from: 1 })
    expect(await device.t.list()).toEqual([])
  })

  it('duplicate of a new row that the server does not have: kept for a new name', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    await device.send()
    await answer(device, [{ seq: 1, status: 'duplicate' }])
    expect(await device.queue.list()).toMatchObject([{ seq: 1, status: 'pending' }])
  })

  it('duplicate of an edit sent once: somebody else goes by this name; the edit is kept for a new one', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    const before = await device.send()
    const settling = {
      results: [{ seq: 1, status: 'duplicate' as const }],
      last_seq: 1,
      server_time: '',
    }
    await device.store.write('remote', (transaction) =>
      applyPushResponse(transaction, before!, settling, { clock: systemClock, newId: uuid }),
    )
    expect(await device.queue.list()).toMatchObject([{ seq: 1, status: 'pending', attempts: 0 }])
    const after = await device.send()
    expect(after!.deviceId).not.toBe(before!.deviceId)
    expect(after!.mutations).toEqual(before!.mutations)
  })

  it('duplicate of an edit sent once, in a batch that the server knows: the network has delivered it twice', async () => {
    const device = local()
    await device.t.insert({ id: 'a', name: 'x' })
    const batch = (await device.send())!
    const twice = {
      results: [
        {
          seq: 1,
          status: 'duplicate' as const,
          version: 1,
          row: { id: 'a', name: 'x', version: 1 },
        },
      ],
      last_seq: 1,
      server_time: '',
      repeated_from: 1,
    }
    await device.store.write('remote', (transaction) =>
      applyPushResponse(transaction, batch, twice, { clock: systemClock, newId: uuid }),
    )
    expect(await device.queue.list()).toEqual([])
    expect(await device.t.list()).toMatchObject([{ id: 'a', name: 'x' }])
  })

  it('that another tab has had before changes nothing of the batch that is under way now', async () => {
    const device = local()
    const applied = (seq: number) => ({
      results: [{ seq, status: 'applied' as const, version: 1 }],
      last_seq: seq,
      server_time: '',
    })
    await device.t.insert({ id: 'a' })
    const first = (await device.send())!
    await device.store.write('remote', (transaction) =>
      applyPushResponse(transaction, first, applied(1), { clock: systemClock, newId: uuid }),
    )
    await device.t.insert({ id: 'b' })
    await device.send()
    await device.store.write('remote', (transaction) =>
      applyPushResponse(transaction, first, applied(1), { clock: systemClock, newId: uuid }),
    )
    expect(await device.queue.list()).toMatchObject([{ seq: 2, status: 'sent', attempts: 1 }])
  })

  it('for a part of a batch leaves the rest to be sent again, as sent before', async () => {
    const device = local()
    await device.t.insertMany([{ id: 'a' }, { id: 'b' }])
    await answer(device, [{ seq: 1, status: 'applied', version: 1 }])
    await device.t.insert({ id: 'c' })
    const error = { code: 'constraint' as const, message: 'no' }
    await answer(device, [
      { seq: 2, status: 'duplicate', version: 1 },
      { seq: 3, status: 'rejected', error },
    ])
    expect(await device.queue.list()).toMatchObject([{ seq: 3, status: 'failed' }])
  })

  it('for a name that was given up meanwhile changes nothing', async () => {
    const device = local()
    await device.t.insert({ id: 'a' })
    const batch = (await device.send())!
    const old = { ...batch, deviceId: uuid() }
    const settling = {
      results: [{ seq: 1, status: 'applied' as const }],
      last_seq: 1,
      server_time: '',
    }
    await device.store.write('remote', (transaction) =>
      applyPushResponse(transaction, old, settling, { clock: systemClock, newId: uuid }),
    )
    expect(await device.queue.stats()).toMatchObject({ sent: 1, completed: 0 })
  })
})

describe('refused edits', () => {
  async function refused() {
    const device = await having({ id: 'a', name: 'x' })
    await device.t.update('a', { name: 'bad' })
    await device.t.insert({ id: 'b', name: 'bad too' })
    const error = { code: 'constraint' as const, message: 'no' }
    await answer(device, [
      { seq: 1, status: 'rejected', error },
      { seq: 2, status: 'rejected', error },
    ])
    return device
  }

  it('are put back with new numbers, and the rows show them again', async () => {
    const { queue, t } = await refused()
    expect(await queue.retryFailed([2])).toBe(1)
    expect(await queue.retryFailed()).toBe(1)
    expect(await queue.list()).toMatchObject([
      { seq: 3, status: 'pending', op: 'put', id: 'b', attempts: 0 },
      { seq: 4, status: 'pending', op: 'patch', id: 'a', base: 3 },
    ])
    expect(await t.list()).toMatchObject([{ name: 'bad' }, { name: 'bad too' }])
  })

  it('are thrown away by number or all together', async () => {
    const { queue } = await refused()
    expect(await queue.clearFailed([1])).toBe(1)
    expect(await queue.clearFailed()).toBe(1)
    expect(await queue.stats()).toMatchObject({ failed: 0 })
  })
})

describe('clearing', () => {
  it('drops every edit and shows the server\u2019s rows', async () => {
    const { queue, t, send } = await having({ id: 'a', name: 'x' })
    await t.update('a', { name: 'y' })
    await send()
    await t.remove('a')
    await t.insert({ id: 'b' })
    expect(await queue.clear()).toBe(3)
    expect(await t.list()).toEqual([{ id: 'a', name: 'x', version: 3 }])
    expect(await queue.stats()).toMatchObject({ pending: 0, sent: 0 })
  })

  it('sets the count of confirmed edits to zero', async () => {
    const device = local()
    await device.t.insert({ id: 'a' })
    await answer(device, [{ seq: 1, status: 'applied', version: 1 }])
    expect(await device.queue.clearCompleted()).toBe(1)
    expect(await device.queue.stats()).toMatchObject({ completed: 0 })
  })
})
