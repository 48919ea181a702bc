import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeTable } from '../client/tests/support/project.ts'
import { connect, createUser, type TestUser } from '../dev/testing.ts'
import { edge, ok, type Result, rpc } from './support/calls.ts'
import { stateOf } from './support/state.ts'

let sql: Sql
let user: TestUser
let table: string

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
beforeEach(async () => {
  table = await makeTable(sql, 'name text unique, n int check (n < 100)')
})
afterAll(() => sql.end())

const state = () => stateOf(sql, table, [user.id])

interface Answered {
  results: Result[]
  last_seq: number
}

/** The three ways in which a batch gets to the database. */
const roads = {
  'rpc sync_push': (body: object) => rpc(user.accessToken, 'sync_push', body),
  'function sync-push': (body: object) => edge(user.accessToken, 'sync-push', body),
  'function sync': (body: object) => edge(user.accessToken, 'sync', body),
}
type Road = keyof typeof roads
const push = async (road: Road, body: object) => ok<Answered>(await roads[road](body))

const edit = (seq: number, op: string, id: string, more: object = {}) => ({
  seq,
  table,
  op,
  id,
  base: null,
  edited_at: new Date().toISOString(),
  ...more,
})
const put = (seq: number, id: string, data: object) => edit(seq, 'put', id, { data })

/** A row that another device has changed, and a batch that meets it in every way. */
async function everyKind(): Promise<object> {
  const [edited, contested, doomed] = [randomUUID(), randomUUID(), randomUUID()]
  const later = new Date(Date.now() - 1_000).toISOString()
  const earlier = new Date(Date.now() - 60_000).toISOString()
  const other = randomUUID()
  await push('rpc sync_push', {
    device_id: other,
    mutations: [edited, contested, doomed].map((id, i) => put(i + 1, id, { name: id, n: 0 })),
  })
  await push('rpc sync_push', {
    device_id: other,
    mutations: [edit(4, 'patch', contested, { base: 1, data: { n: 1 }, edited_at: later })],
  })
  const created = randomUUID()
  return {
    device_id: randomUUID(),
    mutations: [
      put(1, created, { name: 'new' }),
      edit(2, 'patch', created, { data: { n: 5 } }),
      edit(3, 'patch', edited, { base: 1, data: { n: 7 } }),
      edit(5, 'patch', contested, { base: 1, data: { n: 9 }, edited_at: earlier }),
      edit(6, 'delete', doomed, { base: 1 }),
      put(7, randomUUID(), { name: 'new' }),
      put(8, randomUUID(), { n: 1000 }),
      edit(9, 'patch', randomUUID(), { base: 1, data: { n: 1 } }),
      put(11, randomUUID(), { n: 'eleven' }),
    ],
  }
}

/** What has to be the same in the answer to a repeat. */
const told = ({ seq, lost, error }: Result) => ({ seq, lost, error })

describe.each(Object.keys(roads) as Road[])('%s', (road) => {
  it('answers a repeated push with what it was answered, and changes nothing', async () => {
    const batch = await everyKind()
    const first = await push(road, batch)
    expect(first.results.map(({ status, error }) => error?.code ?? status)).toEqual([
      'applied',
      'applied',
      'applied',
      'conflict',
      'applied',
      'unique',
      'constraint',
      'not_found',
      'invalid_value',
    ])
    const after = await state()
    for (let round = 0; round < 3; round++) {
      const again = await push(road, batch)
      expect(again.results.map(({ status }) => status)).toEqual(Array(9).fill('duplicate'))
      expect(again.results.map(told)).toEqual(first.results.map(told))
      expect(again.last_seq).toBe(first.last_seq)
      expect(await state()).toEqual(after)
    }
  })

  it('applies each mutation of equal pushes at the same time once', async () => {
    const device = randomUUID()
    const ids = [randomUUID(), randomUUID()]
    await push(road, { device_id: device, mutations: ids.map((id, i) => put(i + 1, id, { n: 0 })) })
    for (let round = 1; round <= 5; round++) {
      const before = await sql`
        select count(*)::int as n from tidemark.sync_changes where row_id = any (${ids})`
      const batch = {
        device_id: device,
        mutations: ids.map((id, i) =>
          edit(2 * round + i + 1, 'patch', id, { base: round, data: { n: round } }),
        ),
      }
      const answers = await Promise.all(Array.from({ length: 4 }, () => push(road, batch)))
      const statuses = answers.map(({ results }) => results.map(({ status }) => status).join())
      expect(statuses.sort()).toEqual(['applied,applied', ...Array(3).fill('duplicate,duplicate')])
      const rows = await sql.unsafe(`select n, version::int from public.${table}`)
      expect([...rows]).toEqual(ids.map(() => ({ n: round, version: round + 1 })))
      const after = await sql`
        select count(*)::int as n from tidemark.sync_changes where row_id = any (${ids})`
      expect(after[0]!.n - before[0]!.n).toBe(ids.length)
    }
  })
})

describe('a batch that overlaps', () => {
  it('applies only what was never answered', async () => {
    const device_id = randomUUID()
    const puts = Array.from({ length: 8 }, (_, i) => put(i + 1, randomUUID(), { n: i }))
    await push('rpc sync_push', { device_id, mutations: puts.slice(0, 5) })
    const { results } = await push('rpc sync_push', { device_id, mutations: puts.slice(2) })
    expect(results.map(({ status }) => status)).toEqual([
      ...Array(3).fill('duplicate'),
      ...Array(3).fill('applied'),
    ])
    const rows = await sql.unsafe(`select version::int from public.${table}`)
    expect(rows.map(({ version }) => version)).toEqual(Array(8).fill(1))
  })

  it('changes nothing when it comes again after a later one', async () => {
    const device_id = randomUUID()
    const id = randomUUID()
    const first = { device_id, mutations: [put(1, id, { n: 1 })] }
    await push('rpc sync_push', first)
    await push('rpc sync_push', {
      device_id,
      mutations: [edit(2, 'patch', id, { base: 1, data: { n: 2 } })],
    })
    const before = await state()
    const { results } = await push('rpc sync_push', first)
    expect(results).toMatchObject([{ status: 'duplicate', version: 2, row: { n: 2 } }])
    expect(await state()).toEqual(before)
  })

  it('is answered once on every road together', async () => {
    const batch = { device_id: randomUUID(), mutations: [put(1, randomUUID(), { name: 'one' })] }
    const answers = await Promise.all(
      (Object.keys(roads) as Road[]).map((road) => push(road, batch)),
    )
    const statuses = answers.flatMap(({ results }) => results.map(({ status }) => status))
    expect(statuses.sort()).toEqual(['applied', 'duplicate', 'duplicate'])
    const rows = await sql.unsafe(`select name, version::int from public.${table}`)
    expect([...rows]).toEqual([{ name: 'one', version: 1 }])
  })
})
