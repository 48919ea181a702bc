import { createTables, fill, newContacts } from './contacts.ts'
import { compare } from './measure.ts'
import { countOf, device, expectCount, type Page, request } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const rows = 10_000

/** A page of a pull, against the same rows by one plain select under the same policies. */
export const pull: Subject = { name: 'pull', serves: 'database', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  const { id: user } = await bench.createUser()
  const { id: other } = await bench.createUser()
  const mine = newContacts(user, rows)
  await fill(sql, user, 'contacts', mine)
  await fill(sql, other, 'contacts', newContacts(other, rows))
  const phone = device(sql, user)
  const before = await phone.upToDate()

  // As many people's edits would come in: some hundred transactions.
  for (let at = 0; at < rows; at += 100) {
    await sql`update contacts set notes = notes || '.' where id in ${sql(mine.slice(at, at + 100).map(({ id }) => id))}`
  }
  await sql`vacuum analyze contacts`
  await sql`vacuum analyze tidemark.sync_changes`

  const raw = () =>
    request(sql, {
      user,
      query: 'select json_agg(row_to_json(t))::text from contacts t',
      check: (answer) => expectCount('rows', (JSON.parse(answer) as unknown[]).length, rows),
    })
  const page = (upserts: number, removes: number) => (answer: Page) => {
    const count = countOf(answer)
    expectCount('upserts', count.upserts, upserts)
    expectCount('removes', count.removes, removes)
  }

  const changed = await compare(bench, {
    subject: 'pull',
    measure: 'a page of 10,000 changed rows',
    raw,
    ours: () => phone.pull(before, rows, page(rows, 0)),
    wanted: { atLeast: 0.6, aim: 0.8 },
  })
  const downloaded = await compare(bench, {
    subject: 'pull',
    measure: 'the first page of a first download, 10,000 rows',
    raw,
    ours: () => phone.pull(null, rows, page(rows, 0)),
    wanted: { atLeast: 0.6, aim: 0.8 },
  })

  const settled = await phone.upToDate()
  await sql`update contacts set notes = notes || '.' where user_id = ${user}`
  await sql`delete from contacts where id in ${sql(mine.filter((_, i) => i % 10 === 0).map(({ id }) => id))}`
  await sql`vacuum analyze contacts`
  await sql`vacuum analyze tidemark.sync_changes`
  const mixed = await compare(bench, {
    subject: 'pull',
    measure: 'a page of 10,000 changes, 9,000 rows and 1,000 removes',
    raw: () =>
      request(sql, {
        user,
        query: 'select json_agg(row_to_json(t))::text from contacts t where t.deleted_at is null',
      }),
    ours: () => phone.pull(settled, rows, page(rows * 0.9, rows * 0.1)),
    as: 'speed',
  })
  return [changed, downloaded, mixed]
}
