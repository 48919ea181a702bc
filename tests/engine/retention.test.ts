import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { OwnStack } from './support/own-stack.ts'
import { Phone } from './support/phone.ts'

let own: OwnStack
const ann = randomUUID()
const phoneOf = (user: string) => new Phone(own.as(user), ['notes'])

beforeAll(async () => {
  own = await OwnStack.start()
  await own.notes()
})
afterAll(() => own.end())

const put = (id: number, text: string) => ({
  table: 'notes',
  op: 'put',
  id: String(id),
  base: null,
  data: { text },
})
const patch = (id: number, base: number, text: string) => ({
  table: 'notes',
  op: 'patch',
  id: String(id),
  base,
  data: { text },
})

it('a device that was away longer than the log is kept starts afresh, with its queue', async () => {
  const [home, away] = [phoneOf(ann), phoneOf(ann)]
  await home.push(put(1, 'one'), put(2, 'two'), put(3, 'three'))
  await home.drain()
  await away.drain()

  await home.push(patch(1, 1, 'at home'), { table: 'notes', op: 'delete', id: '2', base: 1 })
  await home.drain()
  await own.sql`select tidemark.purge('0')`
  await home.push(put(4, 'after the purge'))
  await home.drain()
  expect(home.resets).toBe(0)
  expect(Object.keys(home.rows('notes'))).toEqual(['1', '3', '4'])

  // Away since before the purge: what it has queued goes first.
  const results = await away.push(
    patch(3, 1, 'from away'),
    patch(2, 1, 'of a row that is gone'),
    put(5, 'new'),
  )
  expect(results.map(({ status }) => status)).toEqual(['applied', 'rejected', 'applied'])
  expect(results[1]!.error!.code).toBe('not_found')
  await away.drain()
  expect(away.resets).toBe(1)
  await home.drain()
  expect(away.rows('notes')).toEqual(home.rows('notes'))
  expect(away.rows('notes')['3']).toMatchObject({ text: 'from away' })
  expect(away.rows('notes')['2']).toBeUndefined()
  await away.drain()
  expect(away.resets).toBe(1)
})

it('who is up to date does not notice a purge', async () => {
  const phone = phoneOf(ann)
  await phone.drain()
  const before = phone.pages.length
  await own.sql`select tidemark.purge('0')`
  await phone.drain()
  expect(phone.since(before)).toEqual({ joined: [], left: [], upserts: 0, removes: 0 })
  expect(phone.resets).toBe(0)
})

it('a transaction that is still open does not make devices start afresh over and over', async () => {
  const open = await own.sql.reserve()
  await open`begin`
  await open`insert into public.notes (id, user_id, text) values (50, ${ann}, 'written before, committed after')`
  const phone = phoneOf(ann)
  await phone.drain()
  await own.sql`insert into public.notes (id, user_id, text) values (51, ${ann}, 'meanwhile')`
  await phone.drain()
  await own.sql`select tidemark.purge('0')`
  const late = phoneOf(ann)
  for (let n = 0; n < 3; n++) {
    await phone.drain()
    await late.drain()
  }
  expect([phone.resets, late.resets]).toEqual([0, 0])
  await open`commit`
  open.release()
  await phone.drain()
  await late.drain()
  expect(phone.rows('notes')['50']).toMatchObject({ text: 'written before, committed after' })
  expect(late.rows('notes')).toEqual(phone.rows('notes'))
})

it('what a long transaction wrote is not purged before devices could hear of it', async () => {
  const phone = phoneOf(ann)
  await phone.drain()
  // Its entries are dated when it began.
  const slow = await own.sql.reserve()
  await slow`begin`
  await slow`select pg_current_xact_id(), pg_sleep(1.5)`
  await slow`insert into public.notes (id, user_id, text) values (60, ${ann}, 'took its time')`
  await slow`commit`
  slow.release()
  await own.sql`select tidemark.purge('1 second')`
  await phone.drain()
  expect(phone.rows('notes')['60']).toMatchObject({ text: 'took its time' })
})

it('pushes and pulls go on while a purge runs', async () => {
  await own.sql`
    insert into public.notes (id, user_id, text) select n, ${randomUUID()}, 'old' from generate_series(100000, 130000) n`
  await own.sql`update public.notes set text = 'older' where id >= 100000`
  await own.sql`delete from public.notes where id between 100000 and 115000`
  const phone = phoneOf(ann)
  await phone.drain()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  let purging = true
  const purge = own.sql`select tidemark.purge('1 second')`.then(() => (purging = false))
  let longest = 0
  let pushes = 0
  for (let id = 70; purging; id++, pushes++) {
    const start = performance.now()
    const [result] = await phone.push(put(id, 'during the purge'))
    expect(result!.status).toBe('applied')
    await phone.drain()
    longest = Math.max(longest, performance.now() - start)
  }
  await purge
  console.log(`${pushes} pushes and pulls during the purge, the longest ${Math.round(longest)} ms`)
  expect(phone.resets).toBe(0)
  await phone.drain()
  expect(Object.keys(phone.rows('notes')).filter((id) => Number(id) >= 70)).toHaveLength(pushes)
})

it('an edit from before a purge meets every column as a conflict, whoever is right by date', async () => {
  const [home, away] = [phoneOf(ann), phoneOf(ann)]
  await home.push(put(9000, 'one'))
  await away.drain()
  await home.push(patch(9000, 1, 'at home'))
  await own.sql`select tidemark.purge('0')`
  const [older, newer] = [new Date(Date.now() - 3_600_000).toISOString(), new Date().toISOString()]
  const [lost] = await away.push({ ...patch(9000, 1, 'an hour ago'), edited_at: older })
  expect(lost).toMatchObject({ status: 'conflict', lost: ['text'], row: { text: 'at home' } })
  const [won] = await away.push({ ...patch(9000, 1, 'just now'), edited_at: newer })
  expect(won).toMatchObject({ status: 'merged', version: 3 })
})
