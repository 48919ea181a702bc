import { gzipSync } from 'node:zlib'
import type { Sql } from 'postgres'
import { costSection } from './cost-report.ts'
import { type Contact, createTables, fill, newContacts, puts } from './contacts.ts'
import { device, request } from './request.ts'
import type { Bench, Outcome, Subject } from './subject.ts'

/** Bytes of a change: as they are, and compressed as HTTP does it. */
export interface Bytes {
  plain: number
  gzip: number
}

/** One table after steady edits. */
export interface Steady {
  table: string
  /** Rows that are dead and not yet vacuumed. */
  dead: number
  /** Share of the updates that touched no index, 0 to 1; null where nothing is updated. */
  hot: number | null
  before: { heap: number; indexes: number }
  after: { heap: number; indexes: number }
  /** After a vacuum, without `full`. */
  vacuumed: { heap: number; indexes: number }
}

export interface CostFigures {
  changes: number
  wire: { what: string; raw: Bytes | null; ours: Bytes }[]
  /** Bytes on disk of a new row and its traces, heap and indexes. */
  stored: { what: string; raw: number; ours: number }[]
  /** Bytes that the log grows by with a million changes. */
  million: { heap: number; indexes: number }
  steady: Steady[]
}

const log = 'tidemark.sync_changes'

/** What a change costs on the wire and on disk, and what steady edits leave behind. */
export const cost: Subject = { name: 'cost', serves: 'database', run }

async function run(bench: Bench): Promise<Outcome> {
  const { sql } = bench
  await createTables(sql)
  const { id: user } = await bench.createUser()
  const rows = bench.quick ? 2_000 : 20_000
  const edits = bench.quick ? 5 : 20
  const batch = 500
  const contacts = newContacts(user, rows)
  const phone = device(sql, user)

  const wire: CostFigures['wire'] = []
  const cursor = await phone.upToDate()
  let sent = ''
  for (let at = 0; at < rows; at += batch) {
    const part = contacts.slice(at, at + batch)
    await fill(sql, user, 'plain', part)
    const mutations = phone.mutations(puts(part))
    await phone.push(mutations)
    sent ||= mutations
  }
  const first = contacts.slice(0, batch)
  wire.push({ what: 'a new row, sent', raw: bytes(first, batch), ours: bytes(sent, batch) })
  let page = ''
  const other = device(sql, user)
  await request(sql, {
    user,
    query: `select sync_pull(device_id => $1::text::uuid, "cursor" => $2::text::json,
      options => '{"limit": 500}')::text`,
    values: [other.id, JSON.stringify(cursor)],
    check: (answer) => (page = answer),
  })
  const selected = await asJson(sql, user)
  wire.push({
    what: 'a new row, received',
    raw: bytes(selected, batch),
    ours: bytes(page, batch),
  })

  await sql`vacuum analyze contacts`
  await sql`vacuum analyze plain`
  await sql.unsafe(`vacuum analyze ${log}`)
  const [plain, synced, entries] = await Promise.all(['plain', 'contacts', log].map(sizeOf(sql)))
  const total = ({ heap, indexes }: { heap: number; indexes: number }) => (heap + indexes) / rows
  const stored = [
    { what: 'the row and its indexes', raw: total(plain!), ours: total(synced!) },
    { what: 'its entry in the log', raw: 0, ours: total(entries!) },
  ]

  const before = new Map([
    ['plain', plain!],
    ['contacts', synced!],
  ])
  const own = await sql<{ table: string }[]>`
    select relid::regclass::text as table from pg_stat_user_tables
    where schemaname = 'tidemark' order by 1`
  for (const { table } of own) before.set(table, await sizeOf(sql)(table))
  let patched = ''
  for (let edit = 1; edit <= edits; edit++) {
    for (let at = 0; at < rows; at += batch) {
      bench.progress('steady edits', ((edit - 1) * rows + at) / (edits * rows))
      const part = contacts.slice(at, at + batch)
      patched = await editBoth(sql, user, phone, part, edit)
    }
  }
  const rawEdit = first.map(({ id }) => ({ id, ...edited(edits) }))
  wire.push({
    what: 'an edit of two columns, sent',
    raw: bytes(rawEdit, batch),
    ours: bytes(patched, batch),
  })
  // Statistics are told late.
  await sql`select pg_stat_force_next_flush()`
  const steady: Steady[] = []
  for (const [table, sizes] of before) {
    const found = await afterEdits(sql, table, sizes)
    if (found.hot !== null || found.after.heap > sizes.heap) steady.push(found)
  }
  const grown = steady.find(({ table }) => table === log)!
  const perMillion = (part: 'heap' | 'indexes') =>
    ((grown.after[part] - grown.before[part]) / (rows * edits)) * 1e6
  const million = { heap: perMillion('heap'), indexes: perMillion('indexes') }
  const figures: CostFigures = { changes: rows * edits, wire, stored, million, steady }
  return { results: [], figures, text: costSection(figures).join('\n\n') }
}

const edited = (edit: number) => ({
  name: `Renamed ${edit}`,
  notes: `Edited for the ${edit}th time`,
})

/** The same edit of both tables; resolves to what the device sent. */
async function editBoth(
  sql: Sql,
  user: string,
  phone: ReturnType<typeof device>,
  part: Contact[],
  edit: number,
): Promise<string> {
  const data = edited(edit)
  await request(sql, {
    user,
    query: `update plain t set name = r.name, notes = r.notes, version = t.version + 1, updated_at = now()
      from jsonb_populate_recordset(null::plain, $1::text::jsonb) r where t.id = r.id`,
    values: [JSON.stringify(part.map(({ id }) => ({ id, ...data })))],
  })
  const mutations = phone.mutations(
    part.map(({ id }) => ({ op: 'patch', table: 'contacts', id, base: edit, data })),
  )
  await phone.push(mutations)
  return mutations
}

async function asJson(sql: Sql, user: string): Promise<string> {
  let answer = ''
  await request(sql, {
    user,
    query: 'select json_agg(row_to_json(t))::text from (select * from plain limit 500) t',
    check: (text) => (answer = text),
  })
  return answer
}

function bytes(content: unknown, count: number): Bytes {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  return { plain: Buffer.byteLength(text) / count, gzip: gzipSync(text).length / count }
}

const sizeOf = (sql: Sql) => async (table: string) => {
  const [size] = await sql<[{ heap: number; indexes: number }]>`
    select pg_table_size(${table}::regclass)::float8 as heap,
      pg_indexes_size(${table}::regclass)::float8 as indexes`
  return { heap: size.heap, indexes: size.indexes }
}

async function afterEdits(sql: Sql, table: string, before: Steady['before']): Promise<Steady> {
  const after = await sizeOf(sql)(table)
  const [stats] = await sql<[{ dead: number; hot: number | null }]>`
    select n_dead_tup::int as dead, n_tup_hot_upd::float8 / nullif(n_tup_upd, 0) as hot
    from pg_stat_user_tables where relid = ${table}::regclass`
  await sql.unsafe(`vacuum ${table}`)
  return { table, ...stats, before, after, vacuumed: await sizeOf(sql)(table) }
}
