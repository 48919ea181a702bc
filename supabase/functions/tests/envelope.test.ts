import { openPull, openPush, openSync } from '../_tidemark/envelope.ts'
import { LIMITS } from '../_tidemark/wire.ts'
import { assertEquals, assertMatch } from './assert.ts'
import { refusalOf } from './support.ts'

const device_id = 'b3a1c1de-0000-4000-8000-000000000001'
const batch = (...mutations: unknown[]) => JSON.stringify({ device_id, mutations })

function refused(code: string, open: () => unknown, at = ''): void {
  const refusal = refusalOf(open)
  assertEquals(refusal.message, code)
  assertMatch(refusal.body.details ?? '', new RegExp(`^${at.replaceAll(/[[\].]/g, '\\$&')}`))
}

Deno.test('a body is taken apart without a digit of it changing', () => {
  const mutations = '[{"seq":1,"data":{"big":9007199254740993,"price":1.10}}]'
  const { push, pull } = openSync(
    `{"device_id":"${device_id}","mutations":${mutations},"cursor":{"x":1.0},"options":{"limit":5}}`,
  )
  assertEquals(push.mutations, mutations)
  assertEquals(push.count, 1)
  assertEquals(pull.cursor, '{"x":1.0}')
  assertEquals(pull.limit, 5)
})

Deno.test('null stands for nothing: the default of the database holds', () => {
  const page = openPull(`{"device_id":"${device_id}","cursor":null,"options":null}`)
  assertEquals([page.cursor, page.options, page.limit], [undefined, undefined, LIMITS.pageDefault])
})

Deno.test('what is not a JSON object is malformed, and the answer quotes nothing of it', () => {
  for (const text of ['', 'secret', '{"device_id": secret}', '[]', 'null', '"text"', '7']) {
    refused('malformed', () => openPush(text), 'body')
  }
  const refusal = refusalOf(() => openPush('{"a": secret}'))
  assertEquals(refusal.body.details?.includes('secret'), false)
})

Deno.test(
  'what does not fit is of a protocol that this function does not speak, where it says so',
  () => {
    const edits = { device_id, mutations: 'in another way' }
    const of = (protocol: unknown) => JSON.stringify({ ...edits, options: { protocol } })
    for (const protocol of [0, 2])
      refused('upgrade_required', () => openPush(of(protocol)), `protocol ${protocol}`)
    for (const protocol of [1, null, -1, 1e10]) refused('malformed', () => openPush(of(protocol)))
  },
)

Deno.test('a missing or misspelt device id is malformed', () => {
  refused('malformed', () => openPush('{"mutations":[]}'), 'device_id')
  refused('malformed', () => openPull('{}'), 'device_id')
  refused('malformed', () => openPull('{"device_id":"phone"}'), 'device_id')
  refused('malformed', () => openPull('{"device_id":7}'), 'device_id')
})

Deno.test(
  'what cannot be an ordered batch is malformed as a whole, with the place of the fault',
  () => {
    refused('malformed', () => openPush(`{"device_id":"${device_id}"}`), 'mutations')
    refused('malformed', () => openPush(`{"device_id":"${device_id}","mutations":{}}`), 'mutations')
    refused('malformed', () => openPush(batch({ seq: 1 }, 'edit')), 'mutations[1]')
    refused('malformed', () => openPush(batch({ seq: 1 }, null)), 'mutations[1]')
    refused('malformed', () => openPush(batch({ seq: 1 }, [])), 'mutations[1]')
    refused('malformed', () => openPush(batch({ seq: 1 }, { op: 'put' })), 'mutations[1].seq')
    for (const seq of [0, -1, 1.5, '2', null, 2 ** 53]) {
      refused('malformed', () => openPush(batch({ seq })), 'mutations[0].seq')
    }
    refused(
      'malformed',
      () => openPush(batch({ seq: 1 }, { seq: 3 }, { seq: 3 })),
      'mutations[2].seq',
    )
    refused('malformed', () => openPush(batch({ seq: 4 }, { seq: 3 })), 'mutations[1].seq')
  },
)

Deno.test('gaps between sequence numbers are fine', () => {
  assertEquals(openPush(batch({ seq: 3 }, { seq: 9 })).count, 2)
})

Deno.test(
  'one bad mutation does not fail the batch: its content is for the database to judge',
  () => {
    const odd = [
      { seq: 1 },
      { seq: 2, op: 'explode', table: 7, id: null },
      { seq: 3, op: 'put', data: [] },
      { seq: 4, edited_at: 'yesterday' },
    ]
    assertEquals(openPush(batch(...odd)).count, 4)
  },
)

Deno.test('keys that this server does not know are let through', () => {
  const { push } = openSync(
    JSON.stringify({
      device_id,
      mutations: [{ seq: 1, mood: 'good' }],
      options: { colour: 'blue' },
      extra: true,
    }),
  )
  assertEquals(push.options, '{"colour":"blue"}')
})

Deno.test('options of the wrong type are malformed', () => {
  const options = (options: unknown) => JSON.stringify({ device_id, mutations: [], options })
  refused('malformed', () => openPush(options('exact')), 'options')
  refused('malformed', () => openPush(options({ client_time: 'noon' })), 'options.client_time')
  refused('malformed', () => openPull(options({ limit: 0 })), 'options.limit')
  refused('malformed', () => openPull(options({ tables: 'contacts' })), 'options.tables')
  refused('malformed', () => openPull(options({ exact: 'yes' })), 'options.exact')
  refused('malformed', () => openPull(JSON.stringify({ device_id, cursor: [1] })), 'cursor')
})

Deno.test('more mutations than the limit are answered with the limits', () => {
  const many = (count: number) =>
    batch(...Array.from({ length: count }, (_, i) => ({ seq: i + 1 })))
  assertEquals(openPush(many(LIMITS.mutations)).count, LIMITS.mutations)
  const refusal = refusalOf(() => openPush(many(LIMITS.mutations + 1)))
  assertEquals(refusal.status, 413)
  assertEquals(JSON.parse(refusal.body.details!), {
    max_bytes: LIMITS.batchBytes,
    max_mutations: LIMITS.mutations,
  })
})
