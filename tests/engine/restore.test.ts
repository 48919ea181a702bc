import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { OwnStack } from './support/own-stack.ts'
import { Phone } from './support/phone.ts'

let own: OwnStack
const ann = randomUUID()
const phoneOf = () => new Phone(own.as(ann), ['notes'])

beforeAll(async () => {
  own = await OwnStack.start()
  await own.notes()
}, 120_000)
afterAll(() => own.end(), 60_000)

const write = (id: number, text: string) =>
  own.sql`insert into public.notes (id, user_id, text) values (${id}, ${ann}, ${text})`
const truth = async () => {
  const rows = await own.sql`select to_jsonb(n) as row from public.notes n where deleted_at is null`
  return Object.fromEntries(rows.map(({ row }) => [String(row.id), row]))
}

it('a database that is put back from a copy of its disk is noticed by every device, once', async () => {
  for (let id = 1; id <= 5; id++) await write(id, 'before the backup')
  const early = phoneOf()
  await early.drain()
  await own.backUp()
  await early.drain()
  expect(early.resets).toBe(0)

  // Work that the restore will lose: devices have seen it.
  const [behind, same, ahead] = [phoneOf(), phoneOf(), phoneOf()]
  for (const phone of [behind, same, ahead]) await phone.drain()
  for (let id = 11; id <= 20; id++) await write(id, 'lost by the restore')
  await own.sql`update public.notes set text = 'lost, too' where id = 1`
  await own.sql`delete from public.notes where id = 2`
  for (const phone of [early, same, ahead]) await phone.drain()
  for (let id = 21; id <= 60; id++) await write(id, 'lost by the restore')
  await ahead.drain()
  await own.restore()

  // Nothing was written since: the numbers of transactions are behind all cursors.
  await ahead.drain()
  expect(ahead.resets).toBe(1)
  expect(ahead.rows('notes')).toEqual(await truth())

  // New work, under numbers that were used before; some cursors are passed by it.
  for (let id = 11; id <= 40; id++) await write(id, 'after the restore')
  for (const [name, phone] of Object.entries({ early, behind, same, ahead })) {
    await phone.drain()
    await phone.drain(3)
    expect(phone.rows('notes'), name).toEqual(await truth())
    expect(phone.resets, name).toBeLessThanOrEqual(1)
  }
  await write(99, 'and on it goes')
  const resets = [early, behind, same, ahead].map((phone) => phone.resets)
  for (const phone of [early, behind, same, ahead]) {
    await phone.drain()
    expect(phone.rows('notes')).toEqual(await truth())
  }
  expect([early, behind, same, ahead].map((phone) => phone.resets)).toEqual(resets)
}, 180_000)

it('a dump loaded back into its cluster is not noticed, and the owner can say that it was', async () => {
  // What a dump brings back of rows and log; nothing else that a cursor is held against would differ.
  await own.sql`create table dumped_notes as table public.notes`
  await own.sql`create table dumped_changes as table tidemark.sync_changes`
  const phone = phoneOf()
  await write(100, 'lost by the restore')
  await phone.drain()
  await own.sql.begin(async (tx) => {
    await tx`alter table public.notes disable trigger user`
    await tx`delete from public.notes`
    await tx`insert into public.notes select * from dumped_notes`
    await tx`alter table public.notes enable trigger user`
    await tx`delete from tidemark.sync_changes where (xact, id) not in (select xact, id from dumped_changes)`
  })
  await phone.drain()
  expect(phone.resets).toBe(0)
  expect(phone.rows('notes')).toHaveProperty('100')

  await own.sql`update tidemark.settings set epoch = default`
  await phone.drain()
  expect(phone.resets).toBe(1)
  expect(phone.rows('notes')).toEqual(await truth())
  expect(phone.rows('notes')).not.toHaveProperty('100')
  await phone.drain()
  expect(phone.resets).toBe(1)
})

it('entries that a dump brought along from a database far ahead make devices start afresh once', async () => {
  const phone = phoneOf()
  await phone.drain()
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString()
  // As a restored dump leaves it: a number that this database has not reached, given out after the cursor was.
  phone.cursor = { ...phone.cursor!, at: hoursAgo(2) }
  await write(200, 'from the other database')
  await own.sql`update tidemark.sync_changes set xact = '4000000000', at = ${hoursAgo(1)} where row_id = '200'`
  await phone.drain()
  expect(phone.resets).toBe(1)
  expect(phone.rows('notes')).toEqual(await truth())
  await write(201, 'goes on')
  await phone.drain()
  await phone.drain()
  expect(phone.resets).toBe(1)
  expect(phone.rows('notes')).toEqual(await truth())
})

it('what was purged before a dump was made says nothing about the database it is loaded into', async () => {
  const phone = phoneOf()
  await phone.drain()
  const { resets } = phone
  // As a dump of another database leaves it: settings, and entries, of a past with far greater numbers.
  await own.sql`update tidemark.settings set purged_to = '4000000000', purged_in = 'the epoch over there'`
  await own.sql`update tidemark.sync_changes set xact = '4000000000', at = now() - interval '1 year' where row_id = '201'`
  await write(300, 'written here')
  await phone.drain()
  expect(phone.resets).toBe(resets)
  expect(phone.rows('notes')).toEqual(await truth())

  // The nightly purge drops those entries some day.
  const [purged] = await own.sql`select tidemark.purge() as done`
  expect(purged!.done.log_entries).toBeGreaterThan(0)
  await write(301, 'after the purge')
  await phone.drain()
  expect(phone.resets).toBe(resets)
  expect(phone.rows('notes')).toEqual(await truth())

  // And what it drops of this database's own past counts.
  await own.sql`delete from public.notes where id = 300`
  await own.sql`update tidemark.sync_changes set at = now() - interval '1 year' where row_id = '300'`
  await own.sql`select tidemark.purge()`
  await phone.drain()
  expect(phone.resets).toBe(resets + 1)
  expect(phone.rows('notes')).toEqual(await truth())
  await phone.drain()
  expect(phone.resets).toBe(resets + 1)
})
