import { createSync } from '../client/src/index.ts'
import { createTables, fill, newContacts, pageByHand } from './contacts.ts'
import { compare, timed } from './measure.ts'
import { expectCount } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const downloaded = 20_000
const uploaded = 5_000

/** The client, against the same rows moved by hand with supabase-js. */
export const client: Subject = { name: 'client', serves: 'api', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  const reader = await bench.createUser()
  const contacts = newContacts(reader.id, downloaded)
  await fill(sql, reader.id, 'contacts', contacts)
  await fill(sql, reader.id, 'plain', contacts)
  await sql`vacuum analyze contacts`
  await sql`vacuum analyze plain`

  const download = await compare(bench, {
    subject: 'client',
    measure: `first download of 20,000 rows, against pages of 1,000 by hand`,
    raw: async () => {
      let rows: unknown[] = []
      const time = await timed(async () => (rows = await pageByHand(reader.client, 'plain')))
      expectCount('rows by hand', rows.length, downloaded)
      return time
    },
    ours: async () => {
      const sync = createSync({ supabase: reader.client, tables: ['contacts'] })
      await sync.ready()
      const time = await timed(() => sync.sync())
      expectCount('rows', (await sync.table('contacts').list()).length, downloaded)
      await sync.close()
      return time
    },
    rows: downloaded,
    wanted: { atLeast: 1 },
  })

  // Somebody new each time, so that both tables grow alike and nothing comes back.
  const upload = await compare(bench, {
    subject: 'client',
    measure: `upload of 5,000 new rows, against inserts of 1,000 by hand`,
    raw: async () => {
      const writer = await bench.createUser()
      const rows = newContacts(writer.id, uploaded)
      return timed(async () => {
        for (let at = 0; at < uploaded; at += 1_000) {
          const { error } = await writer.client.from('plain').insert(rows.slice(at, at + 1_000))
          if (error) throw error
        }
      })
    },
    ours: async () => {
      const writer = await bench.createUser()
      const sync = createSync({ supabase: writer.client, tables: ['contacts'] })
      await sync.ready()
      await sync.pull()
      const table = sync.table('contacts')
      for (const row of newContacts(writer.id, uploaded)) await table.insert({ ...row })
      let pushed = 0
      const time = await timed(async () => ({ pushed } = await sync.push()))
      expectCount('pushed', pushed, uploaded)
      await sync.close()
      return time
    },
    rows: uploaded,
    wanted: { atLeast: 0.8 },
  })
  return [download, upload]
}
