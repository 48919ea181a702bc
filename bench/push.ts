import { type Contact, createTables, fill, newContacts, puts } from './contacts.ts'
import { compare } from './measure.ts'
import { device, request } from './request.ts'
import type { Bench, Result, Subject } from './subject.ts'

const rows = 5_000

/** A device's edits in one call, against the same by one plain statement. */
export const push: Subject = { name: 'push', serves: 'database', run }

async function run(bench: Bench): Promise<Result[]> {
  await createTables(bench.sql)
  const { id } = await bench.createUser()
  return [
    await inserts(bench, id),
    await insertsWithDefaults(bench, id),
    await edits(bench, id),
    await merges(bench, id),
    await deletes(bench, id),
  ]
}

function inserts(bench: Bench, user: string): Promise<Result> {
  const phone = device(bench.sql, user)
  return compare(bench, {
    subject: 'push',
    measure: 'sync_push of 5,000 new rows',
    raw: () => fill(bench.sql, user, 'plain', newContacts(user, rows)),
    ours: () => phone.push(phone.mutations(puts(newContacts(user, rows)))),
    wanted: { atLeast: 0.3, aim: 0.5 },
  })
}

function insertsWithDefaults(bench: Bench, user: string): Promise<Result> {
  const phone = device(bench.sql, user)
  const columns = 'id, user_id, name, email, phone, notes, tags, address'
  const sparse = () =>
    newContacts(user, rows).map(({ id, user_id, name, email, phone, notes, tags, address }) => {
      return { id, user_id, name, email, phone, notes, tags, address }
    })
  return compare(bench, {
    subject: 'push',
    measure: 'the same, three columns left to their defaults and sent back',
    raw: () =>
      request(bench.sql, {
        user,
        query: `with made as (
            insert into plain (${columns})
            select ${columns} from jsonb_populate_recordset(null::plain, $1::text::jsonb)
            returning *
          )
          select json_agg(made)::text from made`,
        values: [JSON.stringify(sparse())],
      }),
    ours: () => phone.push(phone.mutations(puts(sparse()))),
    as: 'speed',
  })
}

async function edits(bench: Bench, user: string): Promise<Result> {
  const phone = device(bench.sql, user)
  const contacts = await heldByBoth(bench, user)
  return compare(bench, {
    subject: 'push',
    measure: 'sync_push of 5,000 edits of two columns',
    raw: (round) => plainEdit(bench, user, contacts, round),
    ours: (round) => phone.push(phone.mutations(patches(contacts, round + 1, edit(round)))),
    as: 'speed',
  })
}

async function merges(bench: Bench, user: string): Promise<Result> {
  const phone = device(bench.sql, user)
  const tablet = device(bench.sql, user)
  const contacts = await heldByBoth(bench, user)
  return compare(bench, {
    subject: 'push',
    measure: 'sync_push of 5,000 edits, each to be merged, against the plain update',
    raw: (round) => plainEdit(bench, user, contacts, round),
    ours: async (round) => {
      const base = 2 * round + 1
      await tablet.push(tablet.mutations(patches(contacts, base, { phone: `${round}` })))
      return phone.push(phone.mutations(patches(contacts, base, edit(round))), 'merged')
    },
    as: 'speed',
  })
}

function deletes(bench: Bench, user: string): Promise<Result> {
  const phone = device(bench.sql, user)
  return compare(bench, {
    subject: 'push',
    measure: 'sync_push of 5,000 deletes, against one update that sets deleted_at',
    raw: async () => {
      const gone = newContacts(user, rows)
      await fill(bench.sql, user, 'plain', gone)
      return request(bench.sql, {
        user,
        query: `update plain t set deleted_at = now(), version = t.version + 1, updated_at = now()
          where t.id in (select e::uuid from jsonb_array_elements_text($1::text::jsonb) e)`,
        values: [JSON.stringify(gone.map(({ id }) => id))],
      })
    },
    ours: async () => {
      const gone = newContacts(user, rows)
      await phone.push(phone.mutations(puts(gone)))
      return phone.push(
        phone.mutations(gone.map(({ id }) => ({ op: 'delete', table: 'contacts', id, base: 1 }))),
      )
    },
    as: 'speed',
  })
}

/** New rows, in both tables. */
async function heldByBoth({ sql }: Bench, user: string): Promise<Contact[]> {
  const contacts = newContacts(user, rows)
  await fill(sql, user, 'plain', contacts)
  await fill(sql, user, 'contacts', contacts)
  return contacts
}

const edit = (round: number) => ({ name: `Renamed ${round}`, notes: `In round ${round}` })

const patches = (contacts: Contact[], base: number, data: object) =>
  contacts.map(({ id }) => ({ op: 'patch', table: 'contacts', id, base, data }))

function plainEdit(bench: Bench, user: string, contacts: Contact[], round: number) {
  return request(bench.sql, {
    user,
    query: `update plain t
      set name = r.name, notes = r.notes, version = t.version + 1, updated_at = now()
      from jsonb_populate_recordset(null::plain, $1::text::jsonb) r where t.id = r.id`,
    values: [JSON.stringify(contacts.map(({ id }) => ({ id, ...edit(round) })))],
  })
}
