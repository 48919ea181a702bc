import * as wire from '../_tidemark/wire.ts'
import { assertEquals } from './assert.ts'

const edited_at = '2026-03-01T12:00:00+01:00'
const put = {
  seq: 17,
  table: 'contacts',
  op: 'put',
  id: '1',
  base: null,
  data: { a: 1 },
  edited_at,
} as const

const fits = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success

Deno.test('a mutation carries data, and a delete needs none', () => {
  const { data: _, ...bare } = put
  assertEquals(fits(wire.Mutation, put), true)
  assertEquals(fits(wire.Mutation, { ...put, op: 'patch', base: 4, old: { a: 0 } }), true)
  assertEquals(fits(wire.Mutation, { ...bare, op: 'delete' }), true)
  assertEquals(fits(wire.Mutation, bare), false)
  assertEquals(fits(wire.Mutation, { ...put, op: 'delete' }), true)
  assertEquals(fits(wire.Mutation, { ...put, op: 'explode' }), false)
})

Deno.test('an instant tells its offset: local time would mean something else elsewhere', () => {
  assertEquals(fits(wire.PushOptions, { client_time: '2026-03-01T12:00:00Z' }), true)
  assertEquals(fits(wire.PushOptions, { client_time: '2026-03-01T12:00:00' }), false)
})

Deno.test('a rejected result says why, and its codes are a closed list', () => {
  const error = { code: 'unique', message: 'taken', hint: null }
  assertEquals(fits(wire.PushResult, { seq: 1, status: 'rejected', error }), true)
  assertEquals(fits(wire.PushResult, { seq: 1, status: 'rejected' }), false)
  const odd = { ...error, code: 'odd' }
  assertEquals(fits(wire.PushResult, { seq: 1, status: 'rejected', error: odd }), false)
})

Deno.test('a duplicate repeats what was said the first time', () => {
  const error = { code: 'unique', message: 'taken' }
  assertEquals(fits(wire.PushResult, { seq: 1, status: 'duplicate', version: 3 }), true)
  assertEquals(fits(wire.PushResult, { seq: 1, status: 'duplicate', error }), true)
})

Deno.test('what a newer server adds to an answer is kept, not refused', () => {
  const answer = { results: [], last_seq: 0, server_time: 't', news: 'more' }
  assertEquals(wire.PushAnswer.parse(answer), answer)
})

Deno.test('a refusal is known by its name, and its code agrees with its status', () => {
  for (const [message, status] of Object.entries({ ...wire.CALL_CODES, ...wire.FUNCTION_CODES })) {
    assertEquals(fits(wire.CallError, { code: `PT${status}`, message }), true)
    assertEquals(fits(wire.CallError, { code: 'PT599', message }), false)
  }
  const other = { code: '42501', message: 'permission denied', details: null, hint: null }
  assertEquals([fits(wire.CallError, other), fits(wire.WireError, other)], [false, true])
})

Deno.test('a sync answers both halves, or the first and what became of the second', () => {
  const pushed = { results: [], last_seq: 0, server_time: 't' }
  const pulled = { changes: [], joined: [], left: [], cursor: {}, more: false }
  const late = { code: '53300', message: 'busy', status: 503 }
  assertEquals(fits(wire.SyncAnswer, { ...pushed, ...pulled }), true)
  assertEquals(fits(wire.SyncAnswer, { ...pushed, pull_error: late }), true)
  assertEquals(fits(wire.SyncAnswer, { ...pushed, push_error: late }), true)
  assertEquals(fits(wire.SyncAnswer, pushed), false)
})
