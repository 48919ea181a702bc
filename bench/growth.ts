import type { Sql } from 'postgres'
import type { TestUser } from '../dev/testing.ts'
import { createTables, fill, newContacts, puts } from './contacts.ts'
import { median, timed } from './measure.ts'
import { countOf, device, expectCount } from './request.ts'
import type { Bench, Outcome, Subject } from './subject.ts'

/** How one time grows with one thing. */
export interface Curve {
  /** What grows. */
  of: string
  lines: { name: string; points: Point[] }[]
}

export interface Point {
  at: number
  ms: number
  /** Calls that were answered in a second, where several run at once. */
  perSecond?: number
}

const fetched = 100
const statement = 10_000

/** How times grow with rows, scopes, devices and the log. */
export const growth: Subject = { name: 'growth', serves: 'api', run }

async function run(bench: Bench): Promise<Outcome> {
  await createTables(bench.sql)
  await createClubs(bench.sql)
  const curves = [
    await byRows(bench),
    await byLog(bench),
    await byScopes(bench),
    await byDevices(bench),
  ]
  const text = curves.map(({ of, lines }) =>
    lines
      .map(({ name, points }) => {
        const values = points.map(({ at, ms, perSecond }) => {
          const rate = perSecond === undefined ? '' : ` (${perSecond.toFixed(0)} a second)`
          return `${at.toLocaleString('en')}: ${ms.toFixed(1)} ms${rate}`
        })
        return `${of}, ${name}: ${values.join(', ')}`
      })
      .join('\n'),
  )
  return { results: [], figures: { curves }, text: text.join('\n') }
}

/** The steps up to `most`, or to a hundredth of it in a short run. */
const steps = ({ quick }: Bench, from: number, most: number): number[] => {
  const last = quick ? Math.max(from * 10, most / 100) : most
  const found: number[] = []
  for (let n = from; n < last; n *= 10) found.push(n)
  return [...found, last]
}

async function repeated(bench: Bench, once: () => Promise<number>): Promise<number> {
  await once()
  const times: number[] = []
  for (let i = 0; i < 3 * bench.rounds; i++) times.push(await once())
  return median(times)
}

/** A pull that must bring `count` rows. */
const pulls = (sql: Sql, user: string, cursor: unknown, count: number) => {
  const phone = device(sql, user)
  return () =>
    phone.pull(cursor, 1_000, (page) => expectCount('upserts', countOf(page).upserts, count))
}

/** One user's table: what everyday calls cost beside many rows. */
async function byRows(bench: Bench): Promise<Curve> {
  const { sql } = bench
  const { id: user } = await bench.createUser()
  const lines = ['nothing new', `${fetched} changed rows`, `a push of ${fetched} rows`].map(
    (name) => ({ name, points: [] as Point[] }),
  )
  let held = 0
  for (const at of steps(bench, 1_000, 1_000_000)) {
    for (; held < at; held += Math.min(statement, at - held)) {
      bench.progress(`growth by rows, ${held} of ${at}`)
      await fill(sql, user, 'contacts', newContacts(user, Math.min(statement, at - held)))
    }
    await sql`vacuum analyze contacts`
    await sql`vacuum analyze tidemark.sync_changes`
    const phone = device(sql, user)
    const before = await cursorNow(sql, user)
    lines[0]!.points.push({ at, ms: await repeated(bench, pulls(sql, user, before, 0)) })
    await sql`
      update contacts set notes = notes || '.'
      where id in (select id from contacts where user_id = ${user} limit ${fetched})`
    lines[1]!.points.push({ at, ms: await repeated(bench, pulls(sql, user, before, fetched)) })
    const push = () => phone.push(phone.mutations(puts(newContacts(user, fetched))))
    lines[2]!.points.push({ at, ms: await repeated(bench, push) })
  }
  return { of: 'rows of the user', lines }
}

/** A device that comes back after others' changes: as many entries lie between it and now. */
async function byLog(bench: Bench): Promise<Curve> {
  const { sql } = bench
  const { id: user } = await bench.createUser()
  const { id: other } = await bench.createUser()
  const own = newContacts(user, fetched)
  await fill(sql, user, 'contacts', own)
  const before = await cursorNow(sql, user)
  await sql`update contacts set notes = notes || '.' where user_id = ${user}`
  const points: Point[] = []
  let entries = 0
  for (const at of steps(bench, 1_000, 1_000_000)) {
    for (; entries < at; entries += Math.min(statement, at - entries)) {
      bench.progress(`growth by age of the cursor, ${entries} of ${at}`)
      await fill(sql, other, 'contacts', newContacts(other, Math.min(statement, at - entries)))
    }
    await sql`vacuum analyze tidemark.sync_changes`
    points.push({ at, ms: await repeated(bench, pulls(sql, user, before, fetched)) })
  }
  return { of: 'changes of others since', lines: [{ name: `${fetched} changed rows`, points }] }
}

async function createClubs(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create table public.members (club int not null, user_id uuid not null, primary key (club, user_id));
    create table public.items (id int primary key, club int not null, title text not null);
    alter table public.members enable row level security;
    alter table public.items enable row level security;
    grant select on public.members, public.items to authenticated;
    create policy "members see where they belong" on public.members
      for select to authenticated using (user_id = (select auth.uid()));
    create policy "members share items" on public.items to authenticated
      using (club in (select club from public.members where user_id = (select auth.uid())));
    select tidemark.add_scope('club', 'public.members', 'club', 'user_id');
    select tidemark.add_table('public.items', 'club:club');`)
}

/** A user in ever more scopes, each with a hundred rows; what changes is spread over them. */
async function byScopes(bench: Bench): Promise<Curve> {
  const { sql } = bench
  const most = 1_000
  await sql`
    insert into items select n, 1 + n % ${most}::int, 'item'
    from generate_series(1, ${fetched * most}::int) n`
  await sql`vacuum analyze items`
  const lines = ['nothing new', `${fetched} changed rows`].map((name) => ({
    name,
    points: [] as Point[],
  }))
  for (const at of [1, 10, 100, most]) {
    bench.progress(`growth by scopes, ${at}`)
    const { id: user } = await bench.createUser()
    await sql`insert into members select club, ${user}::uuid from generate_series(1, ${at}::int) club`
    await sql`vacuum analyze members`
    const before = await cursorNow(sql, user)
    lines[0]!.points.push({ at, ms: await repeated(bench, pulls(sql, user, before, 0)) })
    await sql`
      update items set title = title || '.'
      where id in (select id from items where club <= ${at} order by id limit ${fetched})`
    lines[1]!.points.push({ at, ms: await repeated(bench, pulls(sql, user, before, fetched)) })
  }
  return { of: 'scopes of the user', lines }
}

/** Ever more devices at once, each of a user of its own, through the API: what one of them waits. */
async function byDevices(bench: Bench): Promise<Curve> {
  const users: TestUser[] = []
  const points: Point[] = []
  for (const at of bench.quick ? [1, 10] : [1, 10, 50, 200]) {
    bench.progress(`growth by devices, ${at}`)
    while (users.length < at) users.push(await bench.createUser())
    const cursors = await Promise.all(users.map(({ id }) => cursorNow(bench.sql, id)))
    const polls = users.map(({ client }, n) => async () => {
      const args = { device_id: crypto.randomUUID(), cursor: cursors[n] }
      const { error } = await client.rpc('sync_pull', args)
      if (error) throw error
    })
    let single: number[] = []
    const all = () =>
      timed(async () => {
        single.push(...(await Promise.all(polls.map((poll) => timed(poll)))))
      })
    await all()
    single = []
    const together: number[] = []
    for (let i = 0; i < 3 * bench.rounds; i++) together.push(await all())
    points.push({ at, ms: median(single), perSecond: (at / median(together)) * 1_000 })
  }
  return { of: 'devices at once', lines: [{ name: 'a poll of one of them', points }] }
}

const cursorNow = (sql: Sql, user: string): Promise<unknown> => device(sql, user).upToDate()
