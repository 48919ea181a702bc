import type { ReservedSql, Sql } from 'postgres'
import { rowsInDatabase } from '../../client/tests/support/project.ts'
import type { Random } from './random.ts'

/** The id of a new row of the user's in one of `makeTable`'s tables. */
export const insert = (tx: Sql, user: string, into: string, name: string) =>
  tx<{ id: string }[]>`
    insert into public.${tx(into)} (user_id, name) values (${user}, ${name}) returning id`.then(
    ([row]) => row!.id,
  )

/** Rows by id, as plain SQL sees them. */
export async function truth(sql: Sql, name: string): Promise<Map<string, unknown>> {
  const rows = await rowsInDatabase(sql, name)
  return new Map(rows.map((row) => [String(row.id), row]))
}

/**
 * Transactions of some statements with pauses in between, some rolled back, some in part. Resolves to
 * the rows that it inserted and never touched again.
 */
export async function write(
  sql: Sql,
  user: string,
  random: Random,
  name: string,
  shared: string[],
  until: number,
): Promise<string[]> {
  const connection = await sql.reserve()
  const own = new Map<string, 'untouched' | 'touched'>()
  const pause = () =>
    connection`select pg_sleep(${random.below(random.chance(0.1) ? 300 : 15) / 1000})`
  while (Date.now() < until) {
    const inserts: string[] = []
    const edits = new Set<string>()
    await connection`begin`
    for (let step = 1 + random.below(4); step > 0; step--) {
      const partly = random.chance(0.2)
      if (partly) await connection`savepoint part`
      const more = await statement(connection, user, random, name, [...own.keys()])
      await pause()
      if (partly && random.chance(0.5)) await connection`rollback to savepoint part`
      else if (more.inserted) inserts.push(more.inserted)
      else edits.add(more.edited!)
    }
    // Last, and one a transaction, so that writers wait for each other but never in a circle.
    const meeting = random.chance(0.3) ? random.pick(shared) : undefined
    if (meeting) {
      await connection`
        update public.${connection(name)} set name = ${`met ${random.below(1e6)}`} where id = ${meeting}`
      await pause()
    }
    if (random.chance(0.15)) {
      await connection`rollback`
      continue
    }
    await connection`commit`
    for (const id of inserts) own.set(id, 'untouched')
    for (const id of edits) own.set(id, 'touched')
  }
  connection.release()
  return [...own].filter(([, state]) => state === 'untouched').map(([id]) => id)
}

async function statement(
  connection: ReservedSql,
  user: string,
  random: Random,
  name: string,
  own: string[],
): Promise<{ inserted?: string; edited?: string }> {
  if (own.length === 0 || random.chance(0.6))
    return { inserted: await insert(connection, user, name, `row ${random.below(1e6)}`) }
  const id = random.pick(own)
  if (random.chance(0.25)) await connection`delete from public.${connection(name)} where id = ${id}`
  else
    await connection`
      update public.${connection(name)} set name = ${`again ${random.below(1e6)}`} where id = ${id}`
  return { edited: id }
}
