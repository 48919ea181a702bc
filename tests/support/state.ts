import type { Sql } from 'postgres'

/** What a call may have changed: rows with their stamps, the log, how far devices got. */
export async function stateOf(sql: Sql, table: string, users: string[]): Promise<unknown> {
  const rows = await sql.unsafe(
    `select to_jsonb(t) as row from public.${table} t order by t.id::text collate "C"`,
  )
  const log = await sql`
    select to_jsonb(c) as entry from tidemark.sync_changes c
    join tidemark.sync_tables t using (table_no)
    where t.name = ${table} order by c.id`
  const devices = await sql`
    select device_id, user_id, last_seq::int, revoked_at from tidemark.sync_devices
    where user_id = any (${users}::uuid[]) order by device_id`
  return { rows: [...rows], log: [...log], devices: [...devices] }
}
