import { createSync } from '../client/src/index.ts'
import type { TestUser } from '../dev/testing.ts'
import { createTables, fill, newContacts } from './contacts.ts'
import { compare, timed } from './measure.ts'
import { expectCount } from './request.ts'
import { legend } from './rivals/legend.ts'
import type { Rival } from './rivals/rival.ts'
import { rxdb } from './rivals/rxdb.ts'
import type { Bench, Result, Subject } from './subject.ts'

const downloaded = 20_000
const uploaded = 5_000

/** A rival sends a request a row, so that an upload takes it ten seconds and more. */
const rounds = 3

/** The client, beside local stores that sync with Supabase too: same rows, same stack, in turns. */
export const rivals: Subject = { name: 'rivals', serves: 'api', run }

async function run(bench: Bench): Promise<Result[]> {
  const { sql } = bench
  await createTables(sql)
  for (const { createTable } of [rxdb, legend]) await createTable(sql)
  await sql`notify pgrst, 'reload schema'`
  const reader = await bench.createUser()
  const contacts = newContacts(reader.id, downloaded)
  for (const table of ['contacts', 'rxdb', 'legend']) {
    await fill(sql, reader.id, table, contacts)
    await sql`vacuum analyze ${sql(table)}`
  }
  const few = { ...bench, rounds: Math.min(bench.rounds, rounds) }
  const results: Result[] = []
  for (const rival of [rxdb, legend]) results.push(await download(few, rival, reader))
  for (const rival of [rxdb, legend]) results.push(await upload(few, rival))
  return results
}

function download(bench: Bench, rival: Rival, reader: TestUser): Promise<Result> {
  return compare(bench, {
    subject: 'rivals',
    measure: `first download of 20,000 rows, against ${rival.name}`,
    raw: async () => {
      const device = await rival.device(reader)
      let rows = 0
      const time = await timed(async () => (rows = await device.download()))
      expectCount(`rows of ${rival.name}`, rows, downloaded)
      await device.close()
      return time
    },
    ours: async () => {
      const sync = createSync({ supabase: reader.client, tables: ['contacts'] })
      await sync.ready()
      const time = await timed(() => sync.pull())
      expectCount('rows', (await sync.table('contacts').list()).length, downloaded)
      await sync.close()
      return time
    },
    rows: downloaded,
    wanted: { atLeast: 1 },
  })
}

function upload(bench: Bench, rival: Rival): Promise<Result> {
  const inDatabase = async (table: string, user: string): Promise<void> => {
    const [found] = await bench.sql<[{ count: number }]>`
      select count(*)::int from ${bench.sql(table)} where user_id = ${user}`
    expectCount(`rows in ${table}`, found.count, uploaded)
  }
  return compare(bench, {
    subject: 'rivals',
    measure: `upload of 5,000 new rows, against ${rival.name}`,
    raw: async () => {
      const writer = await bench.createUser()
      const device = await rival.device(writer)
      await device.write(newContacts(writer.id, uploaded))
      const time = await timed(() => device.upload())
      await inDatabase(rival === rxdb ? 'rxdb' : 'legend', writer.id)
      await device.close()
      return time
    },
    ours: async () => {
      const writer = await bench.createUser()
      const sync = createSync({ supabase: writer.client, tables: ['contacts'] })
      await sync.ready()
      await sync.pull()
      for (const row of newContacts(writer.id, uploaded))
        await sync.table('contacts').insert({ ...row })
      const time = await timed(() => sync.push())
      await inDatabase('contacts', writer.id)
      await sync.close()
      return time
    },
    rows: uploaded,
    wanted: { atLeast: 20 },
  })
}
