import { afterAll, beforeAll } from 'vitest'
import type { Sql } from 'postgres'
import { connect, createUser, type TestUser } from '../../../dev/testing.ts'
import type { SyncOptions, TableOption } from '../../src/index.ts'
import { type Device, device, makeTable } from '../support/project.ts'

/** What a part's tests have: a user, a table of their own, and as many devices as they open. */
export interface Project {
  sql: Sql
  user: TestUser
  table: string
  /** Another table of the user's, with a policy of its own. */
  make(
    columns: string | undefined,
    conflict: string,
    rules?: Record<string, string>,
  ): Promise<string>
  /** A device of the user, closed when the tests are over. */
  open(options?: Partial<SyncOptions>, tables?: readonly TableOption[]): Promise<Device>
}

/** Sets a {@link Project} up for the tests of a `describe`; it is there once they run. */
export function project(columns?: string): Project {
  const devices: Device[] = []
  const it = {
    async make(columns: string | undefined, conflict: string, rules: Record<string, string> = {}) {
      const table = await makeTable(it.sql, columns)
      await it.sql`select tidemark.add_table(${`public.${table}`}, 'user:user_id', ${conflict}, ${it.sql.json(rules)})`
      return table
    },
    async open(options: Partial<SyncOptions> = {}, tables: readonly TableOption[] = [it.table]) {
      const opened = await device(it.user, tables, options)
      devices.push(opened)
      return opened
    },
  } as Project
  beforeAll(async () => {
    it.sql = connect()
    it.user = await createUser()
    it.table = await makeTable(it.sql, columns)
  })
  afterAll(async () => {
    for (const { sync } of devices) await sync.close()
    await it.sql.end()
  })
  return it
}

/**
 * Two devices, a row they both have, and one edit of it on each: the first one's is on the server, the
 * second one's, made later, waits.
 */
export async function collide<T extends object>(
  p: Project,
  table: string,
  row: T,
  first: Partial<T>,
  second: Partial<T>,
  options: Partial<SyncOptions> = {},
): Promise<{ a: Device; b: Device; id: string }> {
  const a = await p.open({}, [table])
  const b = await p.open(options, [table])
  const { id } = await a.rows.insert(row)
  await a.sync.sync()
  await b.sync.sync()
  await a.rows.update(id, first)
  await a.sync.sync()
  await b.rows.update(id, second)
  return { a, b, id }
}
