import { createCollection } from '@tanstack/db'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import type { Table } from '../src/index.ts'
import { tidemarkCollectionOptions } from '../src/integrations/tanstack/index.ts'
import { type Contact, device, makeTable, rowsInDatabase } from './support/project.ts'
import { settled } from './support/time.ts'

let sql: Sql
let user: TestUser
let table: string

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  table = await makeTable(sql)
})
afterAll(() => sql.end())

it('a TanStack DB collection shows the rows of the device, and its writes reach the server', async () => {
  const one = await device(user, [table])
  const two = await device(user, [table])
  const contacts = createCollection(
    tidemarkCollectionOptions<Contact>({ table: one.rows as unknown as Table<Contact, Contact> }),
  )
  await contacts.preload()
  expect(contacts.size).toBe(0)

  const id = crypto.randomUUID()
  const row = { id, user_id: user.id, name: 'Ada', phone: null, n: 1 }
  const inserted = contacts.insert(row)
  expect(contacts.get(id)).toMatchObject({ name: 'Ada' })
  await inserted.isPersisted.promise
  expect(contacts.get(id)).toMatchObject({ name: 'Ada' })
  expect(await one.rows.get(id)).toMatchObject({ name: 'Ada' })
  await one.sync.sync()
  expect(await rowsInDatabase(sql, table)).toMatchObject([{ id, name: 'Ada' }])

  await two.sync.sync()
  await two.rows.update(id, { name: 'Ada L.' })
  await two.sync.sync()
  await one.sync.sync()
  await settled()
  expect(contacts.get(id)).toMatchObject({ name: 'Ada L.', n: 1 })

  await contacts.update(id, (draft) => {
    draft.n = 2
  }).isPersisted.promise
  expect(await one.sync.queue.list()).toMatchObject([{ op: 'patch', data: { n: 2 } }])
  await contacts.delete(id).isPersisted.promise
  await settled()
  expect(contacts.size).toBe(0)
  await one.sync.sync()
  expect(await rowsInDatabase(sql, table)).toEqual([])
  await one.sync.close()
  await two.sync.close()
})
