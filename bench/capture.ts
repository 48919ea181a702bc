import { createTables, fill, newContacts } from './contacts.ts'
import { compare, timed } from './measure.ts'
import type { Bench, Subject } from './subject.ts'

const rows = 10_000
const single = 1_000

/** What plain SQL pays for being captured. */
export const capture: Subject = { name: 'capture', serves: 'database', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  const { id: user } = await bench.createUser()
  const contacts = newContacts(user, rows)
  await fill(sql, user, 'plain', contacts)
  await fill(sql, user, 'contacts', contacts)
  const ids = contacts.slice(0, single).map(({ id }) => id)

  /** On a table without yesterday's row versions. */
  const onFresh =
    (statement: (table: string) => Promise<unknown>) => (table: string) => async () => {
      await sql.unsafe(`vacuum ${table}`)
      return timed(() => statement(table))
    }
  const sides = (statement: (table: string) => Promise<unknown>) => {
    const side = onFresh(statement)
    return { raw: side('plain'), ours: side('contacts') }
  }

  const updated = await compare(bench, {
    subject: 'capture',
    measure: 'one update of 10,000 rows',
    ...sides((table) => sql.unsafe(`update ${table} set balance = balance + 1`)),
    wanted: { atMost: 6 },
  })
  const inserted = await compare(bench, {
    subject: 'capture',
    measure: 'one insert of 10,000 rows',
    ...sides((table) =>
      sql.unsafe(
        `insert into ${table} (user_id, name, email, notes, tags, address)
         select user_id, name, email, notes, tags, address from plain where user_id = $1 limit $2`,
        [user, rows],
      ),
    ),
    as: 'cost',
  })
  const looped = await compare(bench, {
    subject: 'capture',
    measure: 'updates of one row, in a loop on the server',
    ...sides((table) =>
      sql.unsafe(`do $$
        declare row_id uuid;
        begin
          foreach row_id in array '{${ids.join()}}'::uuid[] loop
            update ${table} set balance = balance + 1 where id = row_id;
          end loop;
        end $$`),
    ),
    runs: single,
    as: 'cost',
  })
  const wired = await compare(bench, {
    subject: 'capture',
    measure: 'updates of one row, each sent and committed by itself',
    ...sides(async (table) => {
      for (const id of ids)
        await sql.unsafe(`update ${table} set balance = balance + 1 where id = $1`, [id], {
          prepare: true,
        })
    }),
    runs: single,
    as: 'cost',
  })
  const deleted = await compare(bench, {
    subject: 'capture',
    measure: 'one delete of 10,000 rows, made tombstones, against one that sets deleted_at',
    raw: async () => {
      await sql`update plain set deleted_at = null where deleted_at is not null`
      await sql`vacuum plain`
      return timed(
        () =>
          sql`update plain set deleted_at = now(), version = version + 1, updated_at = now()
              where id in (select id from plain order by id limit ${rows})`,
      )
    },
    ours: async () => {
      await sql`update contacts set deleted_at = null where deleted_at is not null`
      await sql`vacuum contacts`
      return timed(
        () =>
          sql`delete from contacts where id in (select id from contacts order by id limit ${rows})`,
      )
    },
    as: 'cost',
  })
  return [updated, inserted, looped, wired, deleted]
}
