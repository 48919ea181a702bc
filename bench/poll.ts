import { createTables, fill, newContacts } from './contacts.ts'
import { compare, timed } from './measure.ts'
import { countOf, device, expectCount, request } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const runs = 200

/** A pull that finds nothing new, against the least that any request costs. */
export const poll: Subject = { name: 'poll', serves: 'api', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  await sql`create function public.one() returns json language sql stable as 'select to_json(1)'`
  const user = await bench.createUser()
  await fill(sql, user.id, 'contacts', newContacts(user.id, 1_000))
  const phone = device(sql, user.id)
  const cursor = await phone.upToDate()

  const sum = async (once: () => Promise<number>) => {
    let total = 0
    for (let i = 0; i < runs; i++) total += await once()
    return total
  }
  const direct = await compare(bench, {
    subject: 'poll',
    measure: 'a pull with nothing new, against select 1, straight to the database',
    raw: () => sum(() => request(sql, { user: user.id, query: 'select 1' })),
    ours: () =>
      sum(() =>
        phone.pull(cursor, 1_000, (page) => expectCount('changes', countOf(page).upserts, 0)),
      ),
    runs,
    as: 'cost',
  })
  const rpc = (name: string, args: object) => async () => {
    const { error } = await user.client.rpc(name, args)
    if (error) throw error
  }
  const pull = rpc('sync_pull', { device_id: phone.id, cursor })
  const one = rpc('one', {})
  const served = await compare(bench, {
    subject: 'poll',
    measure: 'the same by supabase-js through the API',
    raw: () => sum(() => timed(one)),
    ours: () => sum(() => timed(pull)),
    runs,
    as: 'cost',
  })
  return [direct, served]
}
