import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeTable } from '../client/tests/support/project.ts'
import { countToPlay } from '../dev/full.ts'
import { connect, createUser, type TestUser } from '../dev/testing.ts'
import { LIMITS, PushAnswer, type ResultCode } from '../supabase/functions/_tidemark/wire.ts'
import { type Answer, edge, ok, type Page, type Result, rpc } from './support/calls.ts'

let sql: Sql
let user: TestUser
let table: string
let before: unknown

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  table = await makeTable(
    sql,
    'name text, n int, day date, at timestamptz, list jsonb, flag boolean',
  )
})
afterAll(() => sql.end())

/** Rows of the table, entries of the log, and edits that a device was answered. */
async function counts(): Promise<unknown> {
  const [counted] = await sql.unsafe(
    `select (select count(*) from public.${table})::int as rows,
       (select count(*) from tidemark.sync_changes join tidemark.sync_tables t using (table_no)
        where t.name = '${table}')::int as log`,
  )
  return counted
}
beforeEach(async () => {
  before = await counts()
})
/** Whatever was sent, nothing was written. */
afterEach(async () => {
  expect(await counts()).toEqual(before)
})

const pushes = {
  'rpc sync_push': (body: unknown) => rpc(user.accessToken, 'sync_push', body),
  'function sync-push': (body: unknown) => edge(user.accessToken, 'sync-push', body),
  'function sync': (body: unknown) => edge(user.accessToken, 'sync', body),
}
const pulls = {
  'rpc sync_pull': (body: unknown) => rpc(user.accessToken, 'sync_pull', body),
  'function sync-pull': (body: unknown) => edge(user.accessToken, 'sync-pull', body),
  'the pull of function sync': async (body: object) => {
    const answer = await edge(user.accessToken, 'sync', { mutations: [], ...body })
    // The push was done, so the call as a whole succeeded.
    const late = answer.body.pull_error as (Answer['body'] & { status: number }) | undefined
    return late ? { status: late.status, body: late } : answer
  },
}

/** A sound mutation; what is wrong with it comes on top. */
const mutation = (wrong: object = {}) => ({
  seq: 1,
  table,
  op: 'put',
  id: randomUUID(),
  base: null,
  edited_at: new Date().toISOString(),
  data: {},
  ...wrong,
})
const batch = (...mutations: unknown[]) => ({ device_id: randomUUID(), mutations })

const refusal = (status: number, message: string, details?: RegExp) => ({
  status,
  body: {
    code: `PT${status}`,
    message,
    ...(details && { details: expect.stringMatching(details) as string }),
  },
})
const malformed = (at: RegExp) => refusal(400, 'malformed', at)

describe.each(Object.keys(pushes) as (keyof typeof pushes)[])('%s', (road) => {
  const push = pushes[road]

  /** What a single mutation is rejected with; the call itself succeeds. */
  const rejected: [string, ResultCode, () => object][] = [
    ['a table that is not synced', 'unknown_table', () => ({ table: 'no_such_table' })],
    ['a table of the system', 'unknown_table', () => ({ table: 'pg_catalog.pg_class' })],
    ['a table of Tidemark', 'unknown_table', () => ({ table: 'tidemark.sync_changes' })],
    ['a table name with SQL in it', 'unknown_table', () => ({ table: `${table}; drop table x` })],
    ['a column that is not there', 'unknown_column', () => ({ data: { no_such_column: 1 } })],
    ['a column name with SQL in it', 'unknown_column', () => ({ data: { 'name", "n': 1 } })],
    ['text for a number', 'invalid_value', () => ({ data: { n: 'eleven' } })],
    ['a number out of range', 'invalid_value', () => ({ data: { n: 2 ** 40 } })],
    ['text for a date', 'invalid_value', () => ({ data: { day: '30 February' } })],
    ['text for a truth value', 'invalid_value', () => ({ data: { flag: 'perhaps' } })],
    ['an id of another type', 'invalid_value', () => ({ id: 'not-a-uuid' })],
    ['an operation that is none', 'malformed', () => ({ op: 'upsert' })],
    ['no operation', 'malformed', () => ({ op: undefined })],
    ['no table', 'malformed', () => ({ table: undefined })],
    ['no id', 'malformed', () => ({ id: undefined })],
    ['no data', 'malformed', () => ({ data: undefined })],
    ['a list for data', 'malformed', () => ({ data: [1, 2] })],
    ['text for data', 'malformed', () => ({ data: 'name' })],
    ['a list for old', 'malformed', () => ({ old: [1] })],
    ['a base that is no version', 'malformed', () => ({ base: 'first' })],
    ['a negative base', 'malformed', () => ({ base: -1 })],
    ['an id in data that differs', 'malformed', () => ({ data: { id: randomUUID() } })],
    ['a date of the edit that is none', 'malformed', () => ({ edited_at: 'yesterday-ish' })],
    ['a mutation over 1 MB', 'too_large', () => ({ data: { name: 'x'.repeat(1_100_000) } })],
  ]
  it.each(rejected)('rejects %s as %s', async (_, code, wrong) => {
    const { results } = ok<{ results: Result[] }>(await push(batch(mutation(wrong()))))
    expect(results).toMatchObject([{ seq: 1, status: 'rejected', error: { code } }])
    expect(results[0]!.error!.message).not.toBe('')
  })

  const refused: [string, RegExp, () => unknown][] = [
    ['mutations that are no list', /^mutations/, () => ({ ...batch(), mutations: {} })],
    ['a mutation that is no object', /^mutations\[1\]/, () => batch(mutation(), 5)],
    ['a seq of zero', /^mutations\[0\]\.seq/, () => batch(mutation({ seq: 0 }))],
    ['a seq that is text', /^mutations\[0\]\.seq/, () => batch(mutation({ seq: 'one' }))],
    ['a seq that is missing', /^mutations\[0\]\.seq/, () => batch(mutation({ seq: undefined }))],
    ['a seq twice', /^mutations\[1\]\.seq/, () => batch(mutation(), mutation())],
    [
      'a seq that falls',
      /^mutations\[2\]\.seq/,
      () => batch(...[1, 3, 2].map((seq) => mutation({ seq }))),
    ],
    ['options that are no object', /^options/, () => ({ ...batch(mutation()), options: [1] })],
    [
      'a device clock that is none',
      /^options\.client_time/,
      () => ({ ...batch(mutation()), options: { client_time: 'noon' } }),
    ],
    [
      'a protocol that is no number',
      /^options\.protocol/,
      () => ({ ...batch(mutation()), options: { protocol: 'new' } }),
    ],
  ]
  it.each(refused)('refuses %s, and says where', async (_, where, body) => {
    expect(await push(body())).toMatchObject(malformed(where))
  })

  it('refuses a protocol that it does not speak', async () => {
    const answer = await push({ ...batch(mutation()), options: { protocol: 99 } })
    expect(answer).toMatchObject(refusal(426, 'upgrade_required'))
  })

  it('refuses 10 MB, and says what it takes', async () => {
    const large = Array.from({ length: 1_000 }, (_, i) =>
      mutation({ seq: i + 1, data: { name: 'x'.repeat(10_000) } }),
    )
    const answer = await push(batch(...large))
    expect(answer).toMatchObject(refusal(413, 'batch_too_large'))
    expect(JSON.parse(answer.body.details!)).toMatchObject({
      max_bytes: LIMITS.batchBytes,
      max_mutations: LIMITS.mutations,
    })
  })

  it('refuses more mutations than it takes', async () => {
    const many = Array.from({ length: LIMITS.mutations + 1 }, (_, i) => ({ seq: i + 1 }))
    expect(await push(batch(...many))).toMatchObject(refusal(413, 'batch_too_large'))
  })

  it('does not store what Postgres cannot hold: U+0000, half a surrogate pair', async () => {
    for (const [name, sqlstate] of Object.entries({ 'a\u0000b': '22P05', 'a\ud800b': '22P02' })) {
      const { status, body } = await push(batch(mutation({ data: { name } })))
      const code = (body.results as Result[] | undefined)?.[0]?.error?.code ?? body.code
      // The data API cannot read such a body at all.
      const expected = road === 'rpc sync_push' ? [400, sqlstate] : [200, 'malformed']
      expect([status, code]).toEqual(expected)
    }
  })

  it('refuses a device id that is none', async () => {
    for (const device_id of ['me', 7, '', '00000000-0000-0000-0000-00000000000g'])
      expect((await push({ ...batch(mutation()), device_id })).status).toBe(400)
    expect((await push({ ...batch(mutation()), device_id: null })).status).toBe(400)
  })

  it('refuses a device of somebody else', async () => {
    const other = await createUser()
    const device_id = randomUUID()
    await rpc(other.accessToken, 'sync_register_device', { device_id, info: {} })
    const answer = await push({ ...batch(mutation()), device_id })
    expect(answer).toMatchObject(refusal(403, 'device_of_another_user'))
  })

  it('refuses a body that is no JSON object', async () => {
    for (const body of ['{', '', '[]', '"text"', 'null', '{"device_id":', '\u0000']) {
      const { status } = await push(body)
      expect([400, 404]).toContain(status)
    }
  })

  it('applies the sound mutations around a bad one', async () => {
    const [first, last] = [randomUUID(), randomUUID()]
    const { results } = ok<{ results: Result[] }>(
      await push(
        batch(
          mutation({ id: first }),
          mutation({ seq: 2, data: { n: 'x' } }),
          mutation({ seq: 3, op: 'no such' }),
          mutation({ seq: 4, id: last }),
        ),
      ),
    )
    expect(results.map(({ status }) => status)).toEqual([
      'applied',
      'rejected',
      'rejected',
      'applied',
    ])
    const rows = await sql.unsafe(
      `select id from public.${table} where id in ('${first}', '${last}')`,
    )
    expect(rows).toHaveLength(2)
    before = await counts()
  })
})

describe.each(Object.keys(pulls) as (keyof typeof pulls)[])('%s', (road) => {
  const pull = (body: object) => pulls[road]({ device_id: randomUUID(), ...body })

  const cursors: [string, () => unknown][] = [
    ['of somebody else’s making', () => ({ page: 7 })],
    ['without a snapshot', () => ({ epoch: 'x', tables: [] })],
    ['with a snapshot that is none', () => ({ epoch: 'x', tables: [], seen: 'then' })],
    ['with a table that is no number', () => ({ epoch: 'x', tables: ['a'], seen: '1:1:' })],
    ['that is text', () => 'again'],
    ['that is a number', () => 7],
    ['that is a list', () => [1, 2]],
  ]
  it.each(cursors)('refuses a cursor %s', async (_, cursor) => {
    expect(await pull({ cursor: cursor() })).toMatchObject(malformed(/^cursor/))
  })

  it('refuses a page size that is none, tables that are not synced, options that are none', async () => {
    for (const limit of [0, -1, 1.5, 'all'])
      expect(await pull({ options: { limit } })).toMatchObject(malformed(/^options\.limit/))
    for (const tables of ['all', [7], ['no_such_table']])
      expect(await pull({ options: { tables } })).toMatchObject(malformed(/^options\.tables/))
    expect(await pull({ options: 'all' })).toMatchObject(malformed(/^options/))
  })

  it('refuses a protocol that it does not speak', async () => {
    const answer = await pull({ options: { protocol: 0 } })
    expect(answer).toMatchObject(refusal(426, 'upgrade_required'))
  })
})

describe('whatever comes', () => {
  const key = fc.constantFrom('seq', 'table', 'op', 'id', 'base', 'data', 'old', 'edited_at', 'n')
  const wrongs = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 })

  it('a push is answered with one result a mutation, or refused with a code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(wrongs, { minLength: 1, maxLength: 5 }), async (list) => {
        const mutations = list.map((wrong, i) => mutation({ seq: i + 1, table: 'none', ...wrong }))
        const { status, body } = await rpc(user.accessToken, 'sync_push', batch(...mutations))
        if (status === 400) return body.message === 'malformed'
        const { results } = PushAnswer.parse(body)
        return results.every(
          (result, i) => result.seq === mutations[i]!.seq && result.status === 'rejected',
        )
      }),
      { numRuns: countToPlay(200, 60, 'calls with wrong parts, of each kind') },
    )
  }, 120_000)

  it('a cursor with parts exchanged pulls, starts afresh or is refused, and never breaks', async () => {
    const device_id = randomUUID()
    const { cursor } = ok<Page>(await rpc(user.accessToken, 'sync_pull', { device_id }))
    const part = fc.constantFrom(
      'epoch',
      'at',
      'tables',
      'seen',
      'window_end',
      'after',
      'initial_sync',
      'paused',
      'done',
      'total',
    )
    const scalar = fc.jsonValue({ maxDepth: 0 })
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.constantFrom('1:1:', '5:9:6,7', '9:1:', '99999999999:99999999999:', `${2n ** 64n}:1:`),
      fc.tuple(fc.integer(), scalar),
      fc.array(fc.tuple(fc.nat(50), scalar, scalar, scalar), { maxLength: 2 }),
      fc.integer(),
    )
    await fc.assert(
      fc.asyncProperty(fc.dictionary(part, value, { minKeys: 1, maxKeys: 3 }), async (parts) => {
        const { status, body } = await rpc(user.accessToken, 'sync_pull', {
          device_id,
          cursor: { ...cursor, ...parts },
          options: { tables: [table] },
        })
        return (
          status === 200 || (body.message === 'malformed' && body.details!.startsWith('cursor: '))
        )
      }),
      { numRuns: countToPlay(200, 60, 'calls with wrong parts, of each kind') },
    )
  }, 120_000)

  it('a value 5,000 levels deep breaks no call', async () => {
    const deep = '['.repeat(5_000) + ']'.repeat(5_000)
    for (const push of Object.values(pushes)) {
      const body = JSON.stringify(batch(mutation({ table: 'none', data: { list: 'deep' } })))
      const text = body.replace('"deep"', deep)
      const { results } = ok<{ results: Result[] }>(await push(text))
      expect(results).toMatchObject([{ status: 'rejected' }])
    }
  })
})
