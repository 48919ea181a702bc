import { gzipSync } from 'node:zlib'
import type { Sql } from 'postgres'
import type { Bytes, CostFigures, Size, Steady } from './cost-figures.ts'
import { costSection } from './cost-report.ts'
import { type Contact, createTables, fill, newContacts, puts } from './contacts.ts'
import { countOf, device, expectCount, type Page, request } from './request.ts'
import type { Bench, Outcome, Subject } from './subject.ts'

const log = 'tidemark.sync_changes'
const batch = 500
const cycles = 5

/** What a change costs on the wire and on disk, and what steady edits leave behind. */
export const cost: Subject = { name: 'cost', serves: 'database', run }

async function run(bench: Bench): Promise<Outcome> {
  const { sql } = bench
  await createTables(sql)
  // Only the vacuums between the cycles are to be seen.
  await sql`alter table plain set (autovacuum_enabled = false)`
  await sql`alter table contacts set (autovacuum_enabled = false)`
  const { id: user } = await bench.createUser()
  const rows = bench.quick ? 2_000 : 20_000
  const times = bench.quick ? 1 : 4
  const contacts = newContacts(user, rows)
  const first = contacts.slice(0, batch)
  const phone = device(sql, user)
  const wire: CostFigures['wire'] = []
  const nothing: Bytes = { plain: 0, gzip: 0 }

  const start = await phone.upToDate()
  let put = { sent: '', answered: '' }
  for (let at = 0; at < rows; at += batch) {
    const part = contacts.slice(at, at + batch)
    await fill(sql, user, 'plain', part)
    const sent = phone.mutations(puts(part))
    await phone.push(sent, 'applied', (answered) => {
      if (at === 0) put = { sent, answered }
    })
  }
  wire.push(
    { what: 'a new row, sent', raw: bytes(first), ours: bytes(put.sent) },
    { what: '… its answer', raw: nothing, ours: bytes(put.answered) },
    {
      what: '… received',
      raw: bytes(await selected(sql, user, first)),
      ours: bytes(await pulled(sql, user, start, batch)),
    },
  )

  const own = await sql<{ table: string }[]>`
    select relid::regclass::text as table from pg_stat_user_tables
    where schemaname = 'tidemark' order by 1`
  const tables = ['plain', 'contacts', ...own.map(({ table }) => table)]
  const sizes = async (): Promise<Map<string, Size>> => {
    const found = new Map<string, Size>()
    for (const table of tables) found.set(table, await sizeOf(sql, table))
    return found
  }
  const vacuumed = async (): Promise<Map<string, Size>> => {
    for (const table of tables) await sql.unsafe(`vacuum analyze ${table}`)
    return sizes()
  }
  const perRow = (table: string, now: Map<string, Size>, then?: Map<string, Size>): number =>
    (total(now.get(table)!) - (then ? total(then.get(table)!) : 0)) / rows

  const before = await vacuumed()
  const stored = [
    {
      what: 'a new row and its indexes',
      raw: perRow('plain', before),
      ours: perRow('contacts', before),
    },
    { what: '… its entry in the log', raw: 0, ours: perRow(log, before) },
  ]
  const after: Map<string, Size>[] = []
  const all = cycles * times
  let edit = 0
  let edited = { sent: '', answered: '', cursor: start }
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (let time = 0; time < times; time++) {
      edit++
      const cursor = edit === all ? await phone.upToDate() : start
      for (let at = 0; at < rows; at += batch) {
        bench.progress('steady edits', ((edit - 1) * rows + at) / (all * rows))
        const found = await editBoth(sql, user, phone, contacts.slice(at, at + batch), edit)
        if (at === 0) edited = { ...found, cursor }
      }
      if (edit > 1) continue
      const now = await sizes()
      stored.push(
        {
          what: 'an edit, until it is vacuumed',
          raw: perRow('plain', now, before),
          ours: perRow('contacts', now, before),
        },
        { what: '… its entry in the log', raw: 0, ours: perRow(log, now, before) },
      )
    }
    after.push(await vacuumed())
  }
  wire.push(
    {
      what: 'an edit of two columns, sent',
      raw: bytes(first.map(({ id }) => ({ id, ...edits(edit) }))),
      ours: bytes(edited.sent),
    },
    { what: '… its answer', raw: nothing, ours: bytes(edited.answered) },
    {
      what: '… received',
      raw: bytes(await selected(sql, user, first)),
      ours: bytes(await pulled(sql, user, edited.cursor, batch)),
    },
  )
  const now = await phone.upToDate()
  wire.push(
    {
      what: 'asking when there is nothing new',
      raw: null,
      ours: bytes({ device_id: phone.id, cursor: now }, 1),
    },
    { what: '… its answer', raw: bytes([], 1), ours: bytes(await pulled(sql, user, now, 0), 1) },
  )

  // Statistics are told late.
  await sql`select pg_stat_force_next_flush()`
  const steady: Steady[] = []
  for (const table of tables) {
    const found = { before: before.get(table)!, cycles: after.map((one) => one.get(table)!) }
    const hot = await hotShare(sql, table)
    if (hot !== null || total(found.cycles.at(-1)!) > total(found.before))
      steady.push({ table, hot, ...found })
  }
  const grown = after.at(-1)!.get(log)!
  const of = rows * edit
  const perMillion = (part: keyof Size) => ((grown[part] - before.get(log)![part]) / of) * 1e6
  const million = { heap: perMillion('heap'), indexes: perMillion('indexes'), of }
  const entry = { put: perRow(log, before), edit: total(million) / 1e6 }
  const figures: CostFigures = { changes: rows * times, wire, stored, entry, million, steady }
  return { results: [], figures, text: costSection(figures).join('\n\n') }
}

const edits = (edit: number) => ({
  name: `Renamed ${edit}`,
  notes: `Edited for the ${edit}th time`,
})

/** The same edit of both tables; resolves to what the device sent, and the answer. */
async function editBoth(
  sql: Sql,
  user: string,
  phone: ReturnType<typeof device>,
  part: Contact[],
  edit: number,
): Promise<{ sent: string; answered: string }> {
  const data = edits(edit)
  await request(sql, {
    user,
    query: `update plain t set name = r.name, notes = r.notes, version = t.version + 1, updated_at = now()
      from jsonb_populate_recordset(null::plain, $1::text::jsonb) r where t.id = r.id`,
    values: [JSON.stringify(part.map(({ id }) => ({ id, ...data })))],
  })
  const sent = phone.mutations(
    part.map(({ id }) => ({ op: 'patch', table: 'contacts', id, base: edit, data })),
  )
  let answered = ''
  await phone.push(sent, 'applied', (answer) => (answered = answer))
  return { sent, answered }
}

/** The rows as the Data API would give them. */
async function selected(sql: Sql, user: string, rows: Contact[]): Promise<string> {
  let answer = ''
  await request(sql, {
    user,
    query: `select json_agg(row_to_json(t))::text from plain t where id = any ($1::text::uuid[])`,
    values: [`{${rows.map(({ id }) => id).join()}}`],
    check: (text) => (answer = text),
  })
  expectCount('rows of plain', (JSON.parse(answer) as unknown[]).length, rows.length)
  return answer
}

/** A page of so many rows as another device gets it. */
async function pulled(sql: Sql, user: string, cursor: unknown, count: number): Promise<string> {
  let answer = ''
  await request(sql, {
    user,
    query: `select sync_pull(device_id => $1::text::uuid, "cursor" => $2::text::json,
      options => '{"limit": ${batch}}')::text`,
    values: [crypto.randomUUID(), JSON.stringify(cursor)],
    check: (text) => (answer = text),
  })
  expectCount('rows of contacts', countOf(JSON.parse(answer) as Page).upserts, count)
  return answer
}

function bytes(content: unknown, count = batch): Bytes {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  return { plain: Buffer.byteLength(text) / count, gzip: gzipSync(text).length / count }
}

const total = ({ heap, indexes }: Size): number => heap + indexes

async function sizeOf(sql: Sql, table: string): Promise<Size> {
  const [size] = await sql<[Size]>`
    select pg_table_size(${table}::regclass)::float8 as heap,
      pg_indexes_size(${table}::regclass)::float8 as indexes`
  return { heap: size.heap, indexes: size.indexes }
}

async function hotShare(sql: Sql, table: string): Promise<number | null> {
  const [stats] = await sql<[{ hot: number | null }]>`
    select n_tup_hot_upd::float8 / nullif(n_tup_upd, 0) as hot
    from pg_stat_user_tables where relid = ${table}::regclass`
  return stats.hot
}
