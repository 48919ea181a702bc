import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Device, device } from '../client/tests/support/project.ts'
import type { SyncOptions } from '../client/src/index.ts'
import { connect, createUser, type TestUser, uniqueName } from '../dev/testing.ts'

const EDITS = 20
const patient = { timeout: 20_000, interval: 5 }

const kind = uniqueName('list')
const [lists, members, items] = [kind, `${kind}_members`, `${kind}_items`]
let sql: Sql
let ada: TestUser
let bob: TestUser
const opened: Device[] = []

beforeAll(async () => {
  sql = connect()
  await sql.unsafe(`
    create table public.${members} (
      list_id uuid, user_id uuid, role text, primary key (list_id, user_id)
    );
    create table public.${items} (
      id uuid primary key default gen_random_uuid(), list_id uuid not null, name text
    );
    alter table public.${members} enable row level security;
    alter table public.${items} enable row level security;
    grant select on public.${members} to authenticated;
    grant select, insert, update, delete on public.${items} to authenticated;
    create policy "own memberships" on public.${members} for select to authenticated
      using (user_id = (select auth.uid()));
    create policy "members share items" on public.${items} to authenticated
      using (list_id in (select list_id from public.${members} where user_id = (select auth.uid())));
    select tidemark.add_scope('${lists}', 'public.${members}', 'list_id', 'user_id');
    select tidemark.add_table('public.${items}', '${lists}:list_id');`)
  ;[ada, bob] = [await createUser(), await createUser()]
})
afterAll(async () => {
  for (const { sync, client } of opened) {
    await sync.close()
    await client.realtime.disconnect()
  }
  await sql.end({ timeout: 1 })
})

const join = (list: string, { id }: TestUser) =>
  sql`insert into public.${sql(members)} values (${list}, ${id}, 'viewer')`
const leave = (list: string, { id }: TestUser) =>
  sql`delete from public.${sql(members)} where list_id = ${list} and user_id = ${id}`

async function open(user: TestUser, mode: SyncOptions['mode']): Promise<Device> {
  const one = await device(user, [items], { mode: mode! })
  opened.push(one)
  await one.sync.ready()
  return one
}

/** A device that only ever syncs because it is told that there is news, and has heard of all there is. */
async function listener(user: TestUser, rows: number): Promise<Device> {
  const one = await open(user, 'realtime')
  await expect.poll(async () => (await one.rows.list()).length, patient).toBe(rows)
  await quiet(one)
  return one
}

/** Waits until a device has sent nothing for a while. */
async function quiet({ faults }: Device): Promise<void> {
  for (let before = -1; before !== faults.paths.length;) {
    before = faults.paths.length
    await new Promise((resolve) => setTimeout(resolve, 400))
  }
}

const add = (list: string, name = 'x') =>
  sql`insert into public.${sql(items)} (list_id, name) values (${list}, ${name})`

describe('realtime', () => {
  it('brings an edit to the other device at once, where nobody polls', async () => {
    const list = randomUUID()
    await Promise.all([join(list, ada), join(list, bob)])
    const b = await listener(bob, 0)
    const a = await open(ada, 'auto')
    await a.sync.sync()
    const asked = b.faults.paths.length

    const delays: number[] = []
    for (let n = 0; n < EDITS; n++) {
      const { id } = await a.rows.insert({ list_id: list, name: `item ${n}` } as never)
      const start = performance.now()
      const arrived = new Promise<void>((resolve) => {
        const end = b.rows.subscribe((rows) => {
          if (!rows.some((row) => row.id === id)) return
          resolve()
          queueMicrotask(() => end())
        })
      })
      await a.sync.sync()
      await arrived
      delays.push(performance.now() - start)
    }
    const median = delays.toSorted((x, y) => x - y)[EDITS / 2]!
    console.log(
      `an edit on one device is on the other ${median.toFixed(0)} ms later at the median of ${EDITS}`,
    )
    await quiet(b)
    // A pull for an edit, and none by the clock.
    expect(b.faults.paths.length - asked).toBeLessThanOrEqual(2 * EDITS)
    const before = b.faults.paths.length
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(b.faults.paths.length).toBe(before)
  }, 60_000)

  it('pokes a removed member no more, and takes away what was theirs to see', async () => {
    const list = randomUUID()
    const other = randomUUID()
    await Promise.all([join(list, ada), join(list, bob), join(other, bob)])
    await Promise.all([add(list), add(other)])
    const carol = await createUser()
    await join(list, carol)
    const c = await listener(carol, 1)
    await add(list)
    await expect.poll(async () => (await c.rows.list()).length, patient).toBe(2)

    await leave(list, carol)
    await expect.poll(() => c.rows.list(), patient).toEqual([])
    await quiet(c)
    const before = c.faults.paths.length
    for (let n = 0; n < 5; n++) await add(list)
    await quiet(c)
    expect(c.faults.paths.length).toBe(before)

    // Nor may they listen again, whatever client they use.
    const statuses: string[] = []
    c.client
      .channel(`tidemark:${lists}:${list}`, { config: { private: true } })
      .subscribe((status) => statuses.push(status))
    await expect.poll(() => statuses, patient).toContain('CHANNEL_ERROR')
    expect(statuses).not.toContain('SUBSCRIBED')

    // Back again, they hear of it at once.
    await join(list, carol)
    await expect.poll(async () => (await c.rows.list()).length, patient).toBe(7)
  }, 60_000)

  it('goes on where a member has another role', async () => {
    const list = randomUUID()
    const erin = await createUser()
    await join(list, erin)
    await add(list)
    const e = await listener(erin, 1)
    await sql`update public.${sql(members)} set role = 'editor' where user_id = ${erin.id}`
    await quiet(e)
    await add(list)
    await expect.poll(async () => (await e.rows.list()).length, patient).toBe(2)
  }, 60_000)

  it('catches up on what happened while the connection was lost', async () => {
    const list = randomUUID()
    const dave = await createUser()
    await join(list, dave)
    const d = await listener(dave, 0)
    await d.client.realtime.disconnect()
    await add(list, 'said while nobody listened')
    await quiet(d)
    expect(await d.rows.list()).toEqual([])
    d.client.realtime.connect()
    await expect.poll(async () => (await d.rows.list()).length, patient).toBe(1)
  }, 60_000)
})
