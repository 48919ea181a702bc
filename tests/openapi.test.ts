import { randomUUID } from 'node:crypto'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, stack, type TestUser, uniqueName } from '../dev/testing.ts'
import { openapi } from '../docs/openapi.ts'
import { edge } from './support/calls.ts'
import { read } from './support/markdown.ts'

interface Document {
  paths: Record<string, { post: { responses: Record<string, { content?: unknown }> } }>
  components: { schemas: Record<string, unknown> }
}
const document = JSON.parse(read('docs/openapi.json')) as Document
const ajv = new Ajv2020({ strict: false, allErrors: true })
formats.default(ajv)
ajv.addSchema(document, 'openapi')

/** Checks an answer against what the document says of that function and status. */
function validator(name: string, status: number): ValidateFunction {
  const path = `/functions/v1/${name}`
  const { responses } = document.paths[path]!.post
  const key = responses[status] ? String(status) : 'default'
  const pointer = ['paths', path, 'post', 'responses', key, 'content', 'application/json', 'schema']
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
  return ajv.compile({ $ref: `openapi#/${pointer}` })
}

const table = uniqueName('described')
const device = randomUUID()
const id = randomUUID()
let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  await sql.unsafe(`
    create table public.${table} (id uuid primary key, user_id uuid not null default auth.uid(), n int);
    alter table public.${table} enable row level security;
    create policy "own" on public.${table} to authenticated
      using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
    select tidemark.add_table('public.${table}', 'user:user_id');`)
})
afterAll(async () => {
  await sql.unsafe(`select tidemark.remove_table('public.${table}'); drop table public.${table}`)
  await sql.end()
})

it('the document is what the schemas say: after a change of them, node docs/openapi.ts', () => {
  expect(document).toEqual(JSON.parse(JSON.stringify(openapi())))
})

const edit = (seq: number, more: object = {}): object => ({
  seq,
  table,
  op: 'put',
  id,
  base: null,
  data: { n: 1 },
  edited_at: '2026-01-01T00:00:00Z',
  ...more,
})
const mutations = [
  edit(1),
  edit(2, { table: 'nowhere' }),
  edit(3, { op: 'patch', base: 1, data: { n: 2 } }),
]

describe('calls are as it describes them', () => {
  it.each([
    ['sync-push', 200, { device_id: device, mutations }],
    ['sync-push', 200, { device_id: device, mutations }],
    ['sync-pull', 200, { device_id: device }],
    [
      'sync',
      200,
      { device_id: device, mutations: [edit(4, { op: 'delete', base: 2, data: undefined })] },
    ],
    ['sync-push', 400, { device_id: device, mutations: [{ table }] }],
    ['sync-pull', 400, { device_id: 'nobody' }],
    ['sync', 426, { device_id: device, mutations: [], options: { protocol: 0 } }],
  ])('%s answers %i', async (name, status, body) => {
    const answer = await edge(user.accessToken, name, body)
    expect(answer.status, JSON.stringify(answer.body)).toBe(status)
    const validate = validator(name, status)
    expect(validate(answer.body), ajv.errorsText(validate.errors)).toBe(true)
    if (status === 200) {
      const check = ajv.compile({
        $ref: `openapi#/components/schemas/${{ 'sync-push': 'PushRequest', 'sync-pull': 'PullRequest', sync: 'SyncRequest' }[name]}`,
      })
      expect(check(JSON.parse(JSON.stringify(body))), ajv.errorsText(check.errors)).toBe(true)
    }
  })

  it('a call without a user answers 401', async () => {
    const body = { device_id: device, mutations: [] }
    const answer = await edge(stack().publishable_key, 'sync', body)
    expect(answer.status).toBe(401)
    expect(validator('sync', 401)(answer.body)).toBe(true)
  })

  it('and the document can refuse: an answer without its results is none', () => {
    expect(validator('sync-push', 200)({ last_seq: 1, server_time: '' })).toBe(false)
  })
})
