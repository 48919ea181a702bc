import { compare } from './measure.ts'
import { countOf, device, expectCount } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const clubs = 10_000
const clubsOfMany = 500
const entries = 1_000_000
const entriesSince = 100_000
const statement = 10_000
const runs = 20

/** A pull that finds nothing new, by how many scopes its user is in, over a log that is long. */
export const scopes: Subject = { name: 'scopes', serves: 'database', run }

async function run(bench: Bench) {
  const { sql } = bench
  await sql.unsafe(`
    create table public.members (club int not null, user_id uuid not null, primary key (club, user_id));
    create table public.items (id int primary key, club int not null, title text not null);
    alter table public.items enable row level security;
    grant select on public.items to authenticated;
    create policy "Members read" on public.items to authenticated using (true);
    select tidemark.add_scope('club', 'public.members', 'club', 'user_id');
    select tidemark.add_table('public.items', 'club:club');
  `)
  const { id: inMany } = await bench.createUser()
  const { id: inOne } = await bench.createUser()
  await sql`insert into members select club, ${inMany}::uuid from generate_series(1, ${clubsOfMany}::int) club`
  await sql`insert into members values (1, ${inOne})`
  for (let at = 0; at < entries; at += statement) {
    bench.progress(`entry ${at} of ${entries}`)
    await sql`
      insert into items
      select n, 1 + n % ${clubs}::int, 'item ' || n
      from generate_series(${at + 1}::int, ${at + statement}::int) n`
  }
  await sql`vacuum analyze items`
  await sql`vacuum analyze tidemark.sync_changes`

  const many = device(sql, inMany)
  const one = device(sql, inOne)
  const cursors = { many: await many.upToDate(), one: await one.upToDate() }
  const nothingNew = (phone: typeof many, cursor: unknown) => async () => {
    let total = 0
    for (let i = 0; i < runs; i++) {
      total += await phone.pull(cursor, 1_000, (page) => {
        expectCount('upserts', countOf(page).upserts, 0)
        expectCount('removes', countOf(page).removes, 0)
      })
    }
    return total
  }
  const measured = (measure: string) =>
    compare(bench, {
      subject: 'scopes',
      measure,
      raw: nothingNew(one, cursors.one),
      ours: nothingNew(many, cursors.many),
      runs,
      wanted: { atMost: 3 },
    })

  const still = await measured('nothing new, 500 scopes against 1, in a log of 1,000,000 entries')
  // What others did since is behind no cursor of these two users, and must not be read.
  for (let at = 0; at < entriesSince; at += 1_000) {
    await sql`
      update items set title = title || '.'
      where id in (
        select club + ${clubs}::int * ${at / 1_000}::int - 1
        from generate_series(${clubsOfMany + 1}::int, ${clubsOfMany + 1_000}::int) club)`
  }
  await sql`vacuum analyze tidemark.sync_changes`
  return [still, await measured('the same after 100,000 changes in the scopes of others')]
}
