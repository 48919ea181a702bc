import { randomUUID } from 'node:crypto'
import 'fake-indexeddb/auto'
import { beforeAll, expect, it } from 'vitest'
import { uniqueName } from '../../../../../dev/testing.ts'
import {
  indexedDbStorage,
  type KeyAssigned,
  type SyncOptions,
  type Table,
  type TableOption,
} from '../../../../src/index.ts'
import type { Fault } from '../../../support/faults.ts'
import { rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'
import { verify } from '../../../../src/integrations/maintenance/index.ts'

const FAULTS: readonly Fault[] = ['before', 'after', 'twice', 'at once']

const row = 'local id → remote id mapping'

type Item = { id: number; parent_id: number | null; name: string }
type Items = Table<Item, Partial<Item>, Partial<Item>>

export function localIds(): void {
  const p = project()
  let lists: string
  let items: string
  let tables: readonly TableOption[]

  beforeAll(async () => {
    ;[lists, items] = [uniqueName('lists'), uniqueName('items')]
    for (const [table, key, parent] of [
      [lists, 'bigint generated always as identity', 'bigint'],
      [items, 'serial', `bigint references public.${lists}`],
    ] as const)
      await p.sql.unsafe(`
        create table public.${table} (
          id ${key} primary key,
          user_id uuid not null default auth.uid(),
          parent_id ${parent},
          name text not null check (name <> 'bad')
        );
        alter table public.${table} enable row level security;
        create policy "own rows" on public.${table} to authenticated
          using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
        grant select, insert, update, delete on public.${table} to authenticated;
        select tidemark.add_table('public.${table}', 'user:user_id');
      `)
    tables = [lists, items].map((name) => ({ name, serverKey: true }))
  })

  async function device(name = randomUUID(), options: Partial<SyncOptions> = {}) {
    const storage = indexedDbStorage(name)
    const { sync, faults } = await p.open({ storage, ...options }, tables)
    return {
      name,
      sync,
      faults,
      lists: sync.table(lists) as unknown as Items,
      items: sync.table(items) as unknown as Items,
    }
  }

  it(`${row}: rows made offline get the server's keys, and those that name them follow`, async () => {
    await p.sql.unsafe(`insert into public.${lists} (user_id, name)
      select '${p.user.id}', 'there' from generate_series(1, 3)`)
    const one = await device()
    const assigned: KeyAssigned[] = []
    one.sync.on('key_assigned', (event) => assigned.push(event))
    const list = await one.lists.insert({ name: 'shopping' })
    const made = await one.items.insertMany([
      { name: 'milk', parent_id: list.id },
      { name: 'bread', parent_id: list.id },
    ])
    expect(list.id).toBeLessThan(0)
    expect(await one.items.list({ parent_id: list.id })).toHaveLength(2)
    await one.lists.update(list.id, { name: 'Shopping' })
    let shown: Item[] = []
    const end = one.lists.subscribe({ name: 'Shopping' }, (rows) => (shown = rows))
    await one.sync.sync()
    end()

    const stored = (await rowsInDatabase(p.sql, lists)) as unknown as Item[]
    const shopping = stored.find(({ name }) => name === 'Shopping')!
    expect(shopping.id).toBe(4)
    expect(shown).toEqual([shopping])
    expect(await rowsInDatabase(p.sql, items)).toMatchObject([
      { parent_id: 4, name: 'milk' },
      { parent_id: 4, name: 'bread' },
    ])
    expect(await one.items.list({ parent_id: 4 })).toHaveLength(2)
    expect(await one.sync.queue.list()).toEqual([])
    expect(assigned).toContainEqual({ table: lists, local: list.id, remote: 4 })
    expect(assigned).toHaveLength(3)

    // An app that still knows the row by its old key finds it, also after a restart.
    await one.sync.close()
    const again = await device(one.name)
    expect(await again.items.get(made[0]!.id)).toMatchObject({ name: 'milk', parent_id: 4 })
    await again.items.insert({ name: 'eggs', parent_id: list.id })
    await again.items.remove(made[1]!.id)
    await again.sync.sync()
    const [milk, eggs] = await rowsInDatabase(p.sql, items)
    expect([milk, eggs]).toMatchObject([{ name: 'milk' }, { name: 'eggs', parent_id: 4 }])
    expect(await verify(again.sync)).toMatchObject({ inSync: true })
  })

  it(`${row}: once, whatever gets lost on the way, and a refused row keeps its key`, async () => {
    const one = await device()
    await one.sync.pull()
    const before = (await rowsInDatabase(p.sql, lists)).length
    for (const fault of FAULTS) {
      const list = await one.lists.insert({ name: fault })
      await one.items.insert({ name: `of ${fault}`, parent_id: list.id })
      one.faults.next(fault, fault, fault)
      await one.sync.sync()
    }
    const bad = await one.lists.insert({ name: 'bad' })
    await one.sync.sync()
    const stored = (await rowsInDatabase(p.sql, lists)) as unknown as Item[]
    expect(stored).toHaveLength(before + 4)
    const children = (await rowsInDatabase(p.sql, items)) as unknown as Item[]
    for (const { id, name } of stored.filter((list) => FAULTS.includes(list.name as Fault)))
      expect(children.filter((item) => item.parent_id === id)).toMatchObject([
        { name: `of ${name}` },
      ])
    const [failed] = await one.sync.queue.list({ status: 'failed' })
    expect(Number(failed!.id)).toBeGreaterThan(0)
    await one.sync.queue.editFailed(failed!.seq, { name: 'good' })
    await one.sync.queue.retryFailed()
    await one.sync.sync()
    expect(await one.lists.get(bad.id)).toMatchObject({ id: Number(failed!.id), name: 'good' })
    expect(await rowsInDatabase(p.sql, lists)).toHaveLength(before + 5)
  })

  it(`${row}: rows made while a sync runs wait for their turn`, async () => {
    const one = await device(undefined, { batch: { mutations: 10 } })
    await one.sync.pull()
    const writes: Promise<unknown>[] = []
    one.sync.on('key_assigned', () => {
      if (writes.length < 20) writes.push(one.lists.insert({ name: 'late' }, { priority: 'high' }))
    })
    await one.lists.insertMany(Array.from({ length: 30 }, () => ({ name: 'early' })))
    await one.sync.sync()
    await Promise.all(writes)
    await one.sync.sync()
    await one.sync.sync()
    const stored = (await rowsInDatabase(p.sql, lists)) as unknown as Item[]
    expect(writes.length).toBeGreaterThan(0)
    expect(stored.every(({ id }) => id > 0)).toBe(true)
    expect(stored.filter(({ name }) => name === 'early')).toHaveLength(30)
    expect(stored.filter(({ name }) => name === 'late')).toHaveLength(writes.length)
    expect(await one.sync.queue.list()).toEqual([])
  })
}
