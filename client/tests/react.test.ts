import { createElement, type ReactNode } from 'react'
import { renderToString } from 'react-dom/server'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { rowsOf, useRow, useRows, useSyncStatus } from '../src/integrations/react/index.ts'
import { type Contact, type Device, device, makeTable } from './support/project.ts'
import { settled } from './support/time.ts'

let sql: Sql
let user: TestUser
let table: string
let one: Device

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  table = await makeTable(sql)
  one = await device(user, [table])
})
afterAll(async () => {
  await one.sync.close()
  await sql.end()
})

/** What `useSyncExternalStore` asks of a store: the same snapshot until it has told of another one. */
describe('live rows for React', () => {
  it('are the same array until they change, and then another one', async () => {
    const source = rowsOf<Contact>(one.rows, { name: 'live' }, { order: 'n' })
    expect(source.get()).toBeUndefined()
    let told = 0
    const end = source.subscribe(() => told++)
    await settled()
    const empty = source.get()
    expect(empty).toEqual([])
    expect(source.get()).toBe(empty)
    await one.rows.insert({ name: 'live', n: 2 })
    await one.rows.insert({ name: 'other', n: 1 })
    await settled()
    expect(source.get()).toMatchObject([{ n: 2 }])
    expect(source.get()).toBe(source.get())
    expect(told).toBe(2)
    end()
    await one.rows.insert({ name: 'live', n: 3 })
    await settled()
    expect(told).toBe(2)
    // React subscribes again, e.g. in strict mode.
    const again = source.subscribe(() => told++)
    await settled()
    expect(source.get()).toHaveLength(2)
    again()
  })

  it('come from syncs too', async () => {
    const two = await device(user, [table])
    const source = rowsOf<Contact>(two.rows, { name: 'synced' })
    const end = source.subscribe(() => {})
    await one.rows.insert({ name: 'synced' })
    await one.sync.sync()
    await two.sync.sync()
    await settled()
    expect(source.get()).toMatchObject([{ name: 'synced' }])
    end()
    await two.sync.close()
  })
})

describe('the hooks', () => {
  const render = (component: () => ReactNode): string => renderToString(createElement(component))

  it('render before anything is read, as on a server', () => {
    const rows = render(() => (useRows(one.rows, { name: 'x' }) === undefined ? 'none' : 'some'))
    const row = render(() => (useRow(one.rows, 'x') === undefined ? 'none' : 'some'))
    expect([rows, row]).toEqual(['none', 'none'])
  })

  it('show how the sync is', () => {
    const status = (): string => {
      const { state, online, pending } = useSyncStatus(one.sync)
      return `${state} ${online} ${pending}`
    }
    const { pending } = one.sync.status()
    expect(render(status)).toBe(`idle true ${pending}`)
  })
})
