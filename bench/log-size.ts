import { type Contact, createTables, newContacts, puts } from './contacts.ts'
import { single } from './measure.ts'
import { device } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const users = 50
const pushes = 20
const edits = 20
const changes = users * pushes * edits

/** What a change costs on disk: many users who push a little, again and again, in turns. */
export const logSize: Subject = { name: 'log-size', serves: 'database', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  const people: (ReturnType<typeof device> & { contacts: Contact[] })[] = []
  for (let i = 0; i < users; i++) {
    bench.progress(`user ${i + 1} of ${users}`)
    const { id } = await bench.createUser()
    people.push({ ...device(sql, id), contacts: newContacts(id, pushes * edits) })
  }

  async function measured(measure: string, edit: (contact: Contact) => object) {
    await sql`truncate tidemark.sync_changes`
    for (let push = 0; push < pushes; push++) {
      bench.progress(`${measure}, push ${push + 1} of ${pushes} by ${users} users`)
      for (const { contacts, mutations, push: send } of people) {
        await send(mutations(contacts.slice(push * edits, (push + 1) * edits).map(edit)))
      }
    }
    await sql`vacuum tidemark.sync_changes`
    const [size] = await sql<{ heap: number; indexes: number; entries: number }[]>`
      select pg_table_size('tidemark.sync_changes')::int as heap, pg_indexes_size('tidemark.sync_changes')::int as indexes,
        (select count(*)::int from tidemark.sync_changes) as entries`
    if (size!.entries !== changes)
      throw new Error(`${size!.entries} entries for ${changes} changes`)
    const line = (part: string, bytes: number) => ({
      subject: 'log-size',
      measure: `${measure}${part}`,
      unit: 'bytes',
      ours: bytes / changes,
    })
    return [
      single({ ...line('', size!.heap + size!.indexes), wanted: { atMost: 350, aim: 250 } }),
      single(line(', its indexes alone', size!.indexes)),
    ]
  }

  return [
    ...(await measured('a pushed insert', (contact) => puts([contact])[0]!)),
    ...(await measured('a pushed edit of two columns', ({ id }) => ({
      op: 'patch',
      table: 'contacts',
      id,
      base: 1,
      data: { name: 'Renamed', notes: `for ${id}` },
    }))),
    ...(await measured('a pushed delete', ({ id }) => ({
      op: 'delete',
      table: 'contacts',
      id,
      base: 2,
    }))),
  ]
}
