import { createTables, fill, newContacts, puts } from './contacts.ts'
import { compare } from './measure.ts'
import { device, request } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const rows = 5_000

/** A device's edits in one call, against the same by one plain statement. */
export const push: Subject = { name: 'push', serves: 'database', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  const { id: user } = await bench.createUser()
  const phone = device(sql, user)
  const send = (edits: object[]) => phone.push(phone.mutations(edits))

  const inserted = await compare(bench, {
    subject: 'push',
    measure: 'sync_push of 5,000 new rows',
    raw: () => fill(sql, user, 'plain', newContacts(user, rows)),
    ours: () => send(puts(newContacts(user, rows))),
    wanted: { atLeast: 0.3, aim: 0.5 },
  })

  const sentColumns = [
    'id',
    'user_id',
    'name',
    'email',
    'phone',
    'notes',
    'tags',
    'address',
  ] as const
  const sparse = () =>
    newContacts(user, rows).map((row) =>
      Object.fromEntries(sentColumns.map((key) => [key, row[key]])),
    )
  const defaulted = await compare(bench, {
    subject: 'push',
    measure: 'the same, three columns left to their defaults and sent back',
    raw: () =>
      request(sql, {
        user,
        query: `with made as (
            insert into plain (${sentColumns.join()})
            select ${sentColumns.join()} from jsonb_populate_recordset(null::plain, $1::text::jsonb)
            returning *
          )
          select json_agg(made)::text from made`,
        values: [JSON.stringify(sparse())],
      }),
    ours: () => send(puts(sparse())),
    as: 'speed',
  })

  const held = newContacts(user, rows)
  await fill(sql, user, 'plain', held)
  await send(puts(held))
  const edit = (round: number) => ({ name: `Renamed ${round}`, notes: `In round ${round}` })
  const patched = await compare(bench, {
    subject: 'push',
    measure: 'sync_push of 5,000 edits of two columns',
    raw: (round) =>
      request(sql, {
        user,
        query: `update plain t
          set name = r.name, notes = r.notes, version = t.version + 1, updated_at = now()
          from jsonb_populate_recordset(null::plain, $1::text::jsonb) r where t.id = r.id`,
        values: [JSON.stringify(held.map(({ id }) => ({ id, ...edit(round) })))],
      }),
    ours: (round) =>
      send(
        held.map(({ id }) => {
          return { op: 'patch', table: 'contacts', id, base: round + 1, data: edit(round) }
        }),
      ),
    as: 'speed',
  })

  const deleted = await compare(bench, {
    subject: 'push',
    measure: 'sync_push of 5,000 deletes, against one update that sets deleted_at',
    raw: async () => {
      const gone = newContacts(user, rows)
      await fill(sql, user, 'plain', gone)
      return request(sql, {
        user,
        query: `update plain t set deleted_at = now(), version = t.version + 1, updated_at = now()
          where t.id in (select e::uuid from jsonb_array_elements_text($1::text::jsonb) e)`,
        values: [JSON.stringify(gone.map(({ id }) => id))],
      })
    },
    ours: async () => {
      const gone = newContacts(user, rows)
      await send(puts(gone))
      return send(gone.map(({ id }) => ({ op: 'delete', table: 'contacts', id, base: 1 })))
    },
    as: 'speed',
  })
  return [inserted, defaulted, patched, deleted]
}
