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
  /** A device of the user, closed when the tests are over. */
  open(options?: Partial<SyncOptions>, tables?: readonly TableOption[]): Promise<Device>
}

/** Sets a {@link Project} up for the tests of a `describe`; it is there once they run. */
export function project(columns?: string): Project {
  const devices: Device[] = []
  const it = {
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
