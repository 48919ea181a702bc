import { connect } from '../dev/testing.ts'
import { createTables, newContacts, puts } from './contacts.ts'
import { median, single, timed } from './measure.ts'
import { device } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const entries = 1_000_000
const statement = 10_000
const quietPushes = 50

/** Whether those who push notice that a long log is purged. */
export const purge: Subject = { name: 'purge', serves: 'database', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  const { id: other } = await bench.createUser()
  const { id: user } = await bench.createUser()
  for (let at = 0; at < entries; at += statement) {
    bench.progress(`entry ${at} of ${entries}`)
    await sql`
      insert into contacts (user_id, name)
      select ${other}::uuid, 'contact ' || n from generate_series(1, ${statement}::int) n`
  }
  await sql`delete from contacts where id in (select id from contacts limit ${statement})`
  await sql`vacuum analyze contacts`
  await sql`vacuum analyze tidemark.sync_changes`

  const phone = device(sql, user)
  const pushed = () => phone.push(phone.mutations(puts(newContacts(user, 1))))
  await pushed()
  const quiet: number[] = []
  for (let i = 0; i < quietPushes; i++) quiet.push(await pushed())

  // Everything up to here is older than the purge; what is pushed meanwhile is younger.
  const operator = connect('postgres', { max: 1 })
  const during: number[] = []
  let purging = true
  let removed = 0
  bench.progress('purging')
  try {
    const took = timed(async () => {
      const [answer] = await operator<{ purge: { log_entries: number } }[]>`
        select tidemark.purge(interval '0') as purge`
      removed = answer!.purge.log_entries
    }).finally(() => (purging = false))
    while (purging) during.push(await pushed())
    const time = await took
    if (removed < entries) throw new Error(`${removed} entries purged, and ${entries} are old`)
    const line = { subject: 'purge', unit: 'ms' }
    return [
      single({ ...line, measure: 'a purge of 1,000,000 log entries', ours: time }),
      {
        ...single({
          ...line,
          measure: `the slowest of ${during.length} pushes during it, against the slowest of ${quietPushes} before`,
          ours: Math.max(...during),
          wanted: { atMost: 200 },
        }),
        raw: Math.max(...quiet),
      },
      {
        ...single({ ...line, measure: 'the median push during it', ours: median(during) }),
        raw: median(quiet),
      },
    ]
  } finally {
    await operator.end()
  }
}
