import type { Notice, Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser, uniqueName } from '../../dev/testing.ts'
import { Phone, through } from './support/phone.ts'

let sql: Sql
let ann: TestUser
const notices: Notice[] = []

beforeAll(async () => {
  sql = connect('postgres', { max: 1, onnotice: (notice) => notices.push(notice) })
  ann = await createUser()
})
afterAll(() => sql.end())

const warnings = () => notices.splice(0).filter(({ code }) => code === 'TM014')

/** A table with what makes a value unique, synced; and what add_table warned of. */
async function addTable(
  definition: (name: string) => string,
): Promise<{ name: string; warned: Notice[] }> {
  const name = uniqueName('u')
  await sql.unsafe(`
    create table public.${name} (
      id uuid primary key default gen_random_uuid(), user_id uuid not null default auth.uid(),
      email text, slug text, place int, archived boolean not null default false
    );
    alter table public.${name} enable row level security;
    create policy "own rows" on public.${name} to authenticated using (user_id = (select auth.uid()));
    grant select, insert, update, delete on public.${name} to authenticated;
    ${definition(name)};
  `)
  warnings()
  await sql.unsafe(`select tidemark.add_table('public.${name}', 'user:user_id')`)
  return { name, warned: warnings() }
}

const cases: [string, (name: string) => string, string][] = [
  [
    'a unique constraint',
    (t) => `alter table public.${t} add constraint ${t}_email unique (email)`,
    'email',
  ],
  [
    'a unique constraint over two columns',
    (t) => `alter table public.${t} add constraint ${t}_two unique (user_id, email)`,
    'user_id, email',
  ],
  [
    'columns in another order than the table’s',
    (t) => `create unique index ${t}_order on public.${t} (slug, email)`,
    'slug, email',
  ],
  ['a unique index', (t) => `create unique index ${t}_slug on public.${t} (slug)`, 'slug'],
  [
    'a unique index over an expression',
    (t) => `create unique index ${t}_lower on public.${t} (lower(email))`,
    'lower(email)',
  ],
  [
    'a partial one',
    (t) => `create unique index ${t}_live on public.${t} (email) where not archived`,
    'email',
  ],
  [
    'one that carries another column along',
    (t) => `create unique index ${t}_carry on public.${t} (email) include (slug)`,
    'email',
  ],
  [
    'one whose nulls are equal',
    (t) =>
      `alter table public.${t} add constraint ${t}_nulls unique nulls not distinct (user_id, place)`,
    'user_id, place',
  ],
]

describe.each(cases)('%s', (_, definition, columns) => {
  it('is warned of, and the statement that the warning names is the way out', async () => {
    const { name, warned } = await addTable(definition)
    expect(warned).toHaveLength(1)
    const { message, hint } = warned[0]!
    expect(message).toContain(`(${columns})`)
    expect(message).toContain(`"${name}_`)

    const ann_ = new Phone(through(ann.accessToken), [name])
    const put = (id: string, more = {}) =>
      ann_
        .push({
          table: name,
          op: 'put',
          id,
          base: null,
          data: { email: 'A@example.com', slug: 's', place: null, ...more },
        })
        .then(([result]) => result!)
    const [first, second] = [crypto.randomUUID(), crypto.randomUUID()]
    expect(await put(first)).toMatchObject({ status: 'applied' })
    expect(await put(second)).toMatchObject({ status: 'rejected', error: { code: 'unique' } })
    await ann_.push({ table: name, op: 'delete', id: first, base: 1 })
    // The tombstone blocks its value: what the warning is about.
    const blocked = await put(second)
    expect(blocked).toMatchObject({ status: 'rejected', error: { code: 'unique' } })
    expect(blocked.error!.message).toContain(columns)

    await sql.unsafe(hint!)
    expect(await put(second)).toMatchObject({ status: 'applied' })
    expect(await put(crypto.randomUUID())).toMatchObject({
      status: 'rejected',
      error: { code: 'unique' },
    })
    if (definition(name).includes('where not archived'))
      expect(await put(crypto.randomUUID(), { archived: true })).toMatchObject({
        status: 'applied',
      })

    await sql.unsafe(`select tidemark.add_table('public.${name}', 'user:user_id')`)
    expect(warnings()).toEqual([])
    await sql.unsafe(`select tidemark.remove_table('public.${name}')`)
  })
})

it('what tombstones do not block is not warned of', async () => {
  const { name, warned } = await addTable(
    (t) => `
      create index ${t}_plain on public.${t} (email);
      alter table public.${t} add column deleted_at timestamptz;
      create unique index ${t}_living on public.${t} (email) where deleted_at is null;
      create unique index ${t}_both on public.${t} (slug) where not archived and deleted_at is null`,
  )
  expect(warned).toEqual([])
  await sql.unsafe(`select tidemark.remove_table('public.${name}')`)
})

it('a rejected edit says which value is taken, and not whose', async () => {
  const { name } = await addTable(
    (t) => `alter table public.${t} add constraint ${t}_email unique (email)`,
  )
  const bob = await createUser()
  const bobs = new Phone(through(bob.accessToken), [name])
  const anns = new Phone(through(ann.accessToken), [name])
  const put = (phone: Phone, email: string) =>
    phone
      .push({ table: name, op: 'put', id: crypto.randomUUID(), base: null, data: { email } })
      .then(([result]) => result!)
  await put(bobs, 'bob@example.com')
  const { status, error } = await put(anns, 'bob@example.com')
  expect(status).toBe('rejected')
  expect(error).toEqual({
    code: 'unique',
    message: 'another row already has this email',
    hint: `Unique constraint "${name}_email". Change the value and send the edit again.`,
  })
  expect(JSON.stringify(error)).not.toContain(bob.id)

  const mine = await put(anns, 'ann@example.com')
  expect(mine.status).toBe('applied')
  await sql.unsafe(`select tidemark.remove_table('public.${name}')`)
})

it('the warning reaches whoever runs the migration, and is no error', async () => {
  const seen: string[] = []
  const other = connect('postgres', {
    max: 1,
    onnotice: ({ severity, code }) => seen.push(`${severity} ${code}`),
  })
  const name = uniqueName('u')
  await other.unsafe(`
    create table public.${name} (id int primary key, user_id uuid not null, email text unique, slug text unique);
    alter table public.${name} enable row level security;
    select tidemark.add_table('public.${name}', 'user:user_id');
  `)
  expect(seen.filter((line) => line.endsWith('TM014'))).toEqual(['WARNING TM014', 'WARNING TM014'])
  await other.unsafe(`select tidemark.remove_table('public.${name}')`)
  await other.end()
})
