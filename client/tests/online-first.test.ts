import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser, uniqueName } from '../../dev/testing.ts'
import { onlineFirst, type Table } from '../src/index.ts'
import { device, rowsInDatabase } from './support/project.ts'

type Item = { id: number; parent_id: number | null; name: string }

let sql: Sql
let user: TestUser
beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

describe('an online-first table whose keys the server makes', () => {
  let table: string
  beforeEach(async () => {
    table = uniqueName('items')
    await sql.unsafe(`
      create table public.${table} (
        id bigint generated always as identity primary key,
        user_id uuid not null default auth.uid(),
        parent_id bigint references public.${table},
        name text not null check (name <> 'bad')
      );
      alter table public.${table} enable row level security;
      create policy "own rows" on public.${table} to authenticated
        using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
      grant select, insert, update, delete on public.${table} to authenticated;
      select tidemark.add_table('public.${table}', 'user:user_id');
    `)
  })

  async function open() {
    const { sync, faults } = await device(user, [{ name: table, serverKey: true }])
    const items = onlineFirst(sync).table(table) as unknown as Table<
      Item,
      Partial<Item>,
      Partial<Item>
    >
    /** A row made without a network: its key stands in for the server's. */
    async function madeOffline(name: string): Promise<Item> {
      faults.always('before')
      const made = await items.insert({ name })
      faults.reset()
      expect(made.id).toBeLessThan(0)
      return made
    }
    return { sync, items, madeOffline }
  }

  const refused = (code: string) => ({ name: 'ValidationError', code })

  it('an insert gives the row with its key, and throws where the server refuses it', async () => {
    const { sync, items } = await open()
    const made = await items.insert({ name: 'milk' })
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ id: made.id, name: 'milk' }])
    await expect(items.insert({ name: 'bad' })).rejects.toMatchObject(refused('constraint'))
    await expect(items.insertMany([{ name: 'bread' }, { name: 'bad' }])).rejects.toMatchObject(
      refused('constraint'),
    )
    expect((await items.list()).map(({ name }) => name)).toEqual(['milk', 'bread'])
    await sync.close()
  })

  it('an update by the key that stood in throws while the row gets its key', async () => {
    const { sync, items, madeOffline } = await open()
    const { id } = await madeOffline('milk')
    await expect(items.update(id, { name: 'bad' })).rejects.toMatchObject(refused('constraint'))
    await sync.close()
  })

  it('an update by the key that stood in throws long after', async () => {
    const { sync, items, madeOffline } = await open()
    const { id } = await madeOffline('milk')
    await sync.sync()
    await expect(items.update(id, { name: 'bad' })).rejects.toMatchObject(refused('constraint'))
    expect(await items.update(id, { name: 'oat milk' })).toMatchObject({ name: 'oat milk' })
    await sync.close()
  })

  it('so does a removal by it', async () => {
    const { sync, items, madeOffline } = await open()
    const { id } = await madeOffline('milk')
    await items.insert({ name: 'of it', parent_id: id })
    await expect(items.remove(id)).rejects.toMatchObject(refused('foreign_key'))
    expect(await items.list()).toHaveLength(2)
    await sync.close()
  })
})
