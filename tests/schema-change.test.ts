import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Device, device, makeTable, rowsInDatabase } from '../client/tests/support/project.ts'
import { connect, createUser, type TestUser } from '../dev/testing.ts'
import { blocks, read } from './support/markdown.ts'
import { verify } from '../client/src/integrations/maintenance/index.ts'

let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end({ timeout: 1 }))

const opened: Device[] = []
afterAll(async () => {
  for (const { sync } of opened) await sync.close()
})

/** A device that holds two rows and is offline from now on, so to speak: nothing syncs by itself. */
async function away(table: string, others: string[] = []): Promise<Device> {
  const one = await device(user, [table, ...others])
  opened.push(one)
  await one.rows.insertMany([
    { name: 'Ada', phone: '1', n: 1 },
    { name: 'Bob', phone: '2', n: 2 },
  ])
  await one.sync.sync()
  return one
}

/** The row of that name, as the device shows it. */
const named = async ({ rows }: Device, name: string): Promise<Record<string, unknown>> =>
  (await rows.list({ name }))[0]! as unknown as Record<string, unknown>

/** What the device shows is what the database has. */
async function expectSame({ rows }: Device, table: string): Promise<void> {
  const shown = (await rows.list()).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  expect(shown).toEqual(await rowsInDatabase(sql, table))
}

describe('while a device is away', () => {
  it('a column is added: its rows get it, and its own new rows the default', async () => {
    const table = await makeTable(sql)
    const old = await away(table)
    await old.rows.update(String((await named(old, 'Ada')).id), { phone: '10' })
    await old.rows.insert({ name: 'Eve' })
    await sql.unsafe(`alter table public.${table} add column stars int not null default 3`)

    expect(await old.sync.sync()).toMatchObject({ rejected: 0 })
    expect(
      (await old.rows.list()).map((row) => (row as unknown as { stars: number }).stars),
    ).toEqual([3, 3, 3])
    expect(await named(old, 'Ada')).toMatchObject({ phone: '10' })
    await expectSame(old, table)
    expect(await verify(old.sync)).toMatchObject({ inSync: true })
  })

  it('a column is dropped: edits of it are set aside, and go through without it', async () => {
    const table = await makeTable(sql)
    const old = await away(table)
    await old.rows.update(String((await named(old, 'Ada')).id), { phone: '10', n: 10 })
    await old.rows.update(String((await named(old, 'Bob')).id), { n: 20 })
    await sql.unsafe(`alter table public.${table} drop column phone`)

    expect(await old.sync.sync()).toMatchObject({ pushed: 1, rejected: 1 })
    const [failed] = await old.sync.queue.list({ status: 'failed' })
    expect(failed).toMatchObject({
      data: { phone: '10', n: 10 },
      error: { code: 'unknown_column', hint: expect.any(String) },
    })
    await expectSame(old, table)

    await old.sync.queue.editFailed(failed!.seq, { phone: undefined })
    await old.sync.queue.retryFailed()
    expect(await old.sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
    expect(await named(old, 'Ada')).toMatchObject({ n: 10 })
    await expectSame(old, table)
  })

  it('a column is renamed: edits by the old name are set aside, and go through by the new one', async () => {
    const table = await makeTable(sql)
    const old = await away(table)
    await old.rows.update(String((await named(old, 'Ada')).id), { phone: '10' })
    await sql.unsafe(`alter table public.${table} rename column phone to mobile`)

    expect(await old.sync.sync()).toMatchObject({ rejected: 1 })
    expect(await named(old, 'Ada')).toMatchObject({ mobile: '1' })
    expect(await named(old, 'Ada')).not.toHaveProperty('phone')
    const [failed] = await old.sync.queue.list({ status: 'failed' })
    await old.sync.queue.editFailed(failed!.seq, { phone: undefined, mobile: '10' })
    await old.sync.queue.retryFailed()
    await old.sync.sync()
    expect(await named(old, 'Ada')).toMatchObject({ mobile: '10' })
    await expectSame(old, table)
  })

  it('a column gets another type: its values come as they are now', async () => {
    const table = await makeTable(sql)
    const old = await away(table)
    await sql.unsafe(`alter table public.${table} alter column n type text using 'no. ' || n`)
    await old.sync.sync()
    expect(await named(old, 'Ada')).toMatchObject({ n: 'no. 1' })
    await expectSame(old, table)
  })

  it('the key gets another type: its rows keep their ids, and edits find them', async () => {
    const table = await makeTable(sql)
    const old = await away(table)
    await old.rows.update(String((await named(old, 'Ada')).id), { phone: '10' })
    await sql.unsafe(`alter table public.${table} alter column id drop default;
      alter table public.${table} alter column id type text`)
    await sql.unsafe(
      `insert into public.${table} (id, user_id, name) values ('no uuid', '${user.id}', 'Eve')`,
    )

    expect(await old.sync.sync()).toMatchObject({ rejected: 0 })
    expect(await named(old, 'Ada')).toMatchObject({ phone: '10' })
    await old.rows.update('no uuid', { n: 3 })
    await old.rows.remove(String((await named(old, 'Bob')).id))
    expect(await old.sync.sync()).toMatchObject({ rejected: 0 })
    await expectSame(old, table)
    expect(await verify(old.sync)).toMatchObject({ inSync: true })
  })

  it('a table gets another scope: devices it no longer concerns drop its rows, the others get them', async () => {
    const table = await makeTable(sql)
    const old = await away(table)
    await sql.unsafe(`alter table public.${table} add column reader uuid not null default gen_random_uuid();
      select tidemark.add_table('public.${table}', 'user:reader')`)
    await old.sync.sync()
    expect(await old.rows.list()).toEqual([])

    await old.rows.insert({ name: 'Eve' })
    await sql.unsafe(`select tidemark.add_table('public.${table}', 'user:user_id')`)
    await old.sync.sync()
    expect(await old.rows.list()).toHaveLength(3)
    await expectSame(old, table)
  })

  it('a table is renamed: it waits for the new app, and the other tables go on', async () => {
    const [table, other] = [await makeTable(sql), await makeTable(sql)]
    const old = await away(table, [other])
    const second = old.sync.table(other) as unknown as Device['rows']
    await old.rows.insert({ name: 'Eve' })
    await second.insert({ name: 'in the other' })
    const renamed = `${table}_new`
    await sql.unsafe(`alter table public.${table} rename to ${renamed};
      select tidemark.add_table('public.${renamed}', 'user:user_id')`)
    await sql`insert into public.${sql(other)} (user_id, name) values (${user.id}, 'from elsewhere')`

    const errors: { code: string; details?: string | undefined }[] = []
    old.sync.on('sync_error', (error) => errors.push(error))
    await old.sync.sync()
    await old.sync.sync()
    expect(errors[0]).toMatchObject({ code: 'malformed', details: expect.stringContaining(table) })
    expect((await second.list()).map(({ name }) => name).toSorted()).toEqual([
      'from elsewhere',
      'in the other',
    ])
    const [failed] = await old.sync.queue.list({ status: 'failed' })
    expect(failed).toMatchObject({ table, data: { name: 'Eve' }, error: { code: 'unknown_table' } })
    expect(await old.rows.list()).toHaveLength(2)

    // What the new app finds.
    const updated = await device(user, [renamed, other])
    opened.push(updated)
    await updated.rows.insert({ name: 'Eve' })
    await updated.sync.sync()
    expect(await updated.rows.list()).toHaveLength(3)
    await expectSame(updated, renamed)
  })

  it('a table is made anew under its name: devices hold what is in it, and send what waits', async () => {
    const [table, other] = [await makeTable(sql), await makeTable(sql)]
    const old = await away(table)
    await old.rows.insert({ name: 'Eve' })
    await sql.unsafe(`
      insert into public.${other} (id, user_id, name)
        select id, user_id, name || ' of the new one' from public.${table} where name = 'Ada';
      select tidemark.remove_table('public.${other}');
      drop table public.${table};
      alter table public.${other} rename to ${table};
      select tidemark.add_table('public.${table}', 'user:user_id')`)

    expect(await old.sync.sync()).toMatchObject({ rejected: 0 })
    expect((await old.rows.list()).map(({ name }) => name).toSorted()).toEqual([
      'Ada of the new one',
      'Eve',
    ])
    await expectSame(old, table)
  })

  it('a table is dropped: the other tables go on, and what waits for it is kept', async () => {
    const [table, other] = [await makeTable(sql), await makeTable(sql)]
    const old = await away(table, [other])
    await old.rows.insert({ name: 'Eve' })
    await sql.unsafe(`drop table public.${table}`)
    await sql`insert into public.${sql(other)} (user_id, name) values (${user.id}, 'from elsewhere')`
    await old.sync.sync()
    expect(await old.sync.table(other).list()).toHaveLength(1)
    expect(await old.sync.queue.list({ status: 'failed' })).toMatchObject([
      { data: { name: 'Eve' }, error: { code: 'unknown_table' } },
    ])
  })

  it('a table no longer syncs: devices keep what they have, and the other tables go on', async () => {
    const [table, other] = [await makeTable(sql), await makeTable(sql)]
    const old = await away(table, [other])
    await sql.unsafe(`select tidemark.remove_table('public.${table}')`)
    await sql`insert into public.${sql(other)} (user_id, name) values (${user.id}, 'from elsewhere')`
    await old.sync.sync()
    expect(await old.sync.table(other).list()).toHaveLength(1)
    expect(await old.rows.list()).toHaveLength(2)
  })
})

describe('renaming without anybody noticing, as the guide has it', () => {
  it('each app sees what the other wrote', async () => {
    const table = await makeTable(sql)
    const old = await away(table)
    const [script] = blocks(read('docs/schema-changes.md'), 'sql')
    await sql.unsafe(
      script!
        .replaceAll('public.contacts', `public.${table}`)
        .replaceAll('keep_phone_and_mobile', `keep_${table}`),
    )
    const ada = String((await named(old, 'Ada')).id)
    await old.rows.update(ada, { phone: '10' })
    await old.rows.insert({ name: 'Eve', phone: '5' })
    await old.sync.sync()
    expect(await named(old, 'Ada')).toMatchObject({ phone: '10', mobile: '10' })
    expect(await named(old, 'Eve')).toMatchObject({ phone: '5', mobile: '5' })

    const updated = await device(user, [table])
    opened.push(updated)
    await updated.sync.sync()
    await updated.rows.update(ada, { mobile: '100' } as never)
    await updated.sync.sync()
    await old.sync.sync()
    expect(await named(old, 'Ada')).toMatchObject({ phone: '100', mobile: '100' })
    await expectSame(old, table)
  })
})
