import { openPush } from '../_tidemark/envelope.ts'
import { push } from '../_tidemark/push.ts'
import type { Rpc, RpcAnswer } from '../_tidemark/rpc.ts'
import { assertEquals } from './assert.ts'

const device_id = 'b3a1c1de-0000-4000-8000-000000000001'
const client_time = '2026-03-01T12:00:00.000Z'

function batchOf(count: number, data = '{"price":1.10,"big":9007199254740993}') {
  const mutations = Array.from({ length: count }, (_, i) => `{"seq":${i + 1},"data":${data}}`)
  return openPush(
    `{"device_id":"${device_id}","mutations":[${mutations}],"options":{"client_time":"${client_time}","n":1.0}}`,
  )
}

function failure(code: string, status = 500): RpcAnswer {
  const error = { code, message: 'failed' }
  return { status, body: new TextEncoder().encode(JSON.stringify(error)), error }
}

interface Sent {
  text: string
  seqs: number[]
  client_time: string
}

/** Answers every batch it is sent, except as `fail` says. A call takes 8 s. */
function answering(fail: (sent: Sent, nth: number) => RpcAnswer | undefined) {
  const sent: Sent[] = []
  let clock = 0
  const rpc: Rpc = (_name, text) => {
    clock += 8_000
    const body = JSON.parse(text)
    const call = {
      text,
      seqs: body.mutations.map(({ seq }: { seq: number }) => seq),
      client_time: body.options.client_time,
    }
    const failed = fail(call, sent.push(call))
    const results = call.seqs.map(
      (seq: number) => `{"seq":${seq},"status":"applied","row":{"price":1.10}}`,
    )
    const answer = `{"results":[${results}],"last_seq":${call.seqs.at(-1)},"server_time":"t${sent.length}"}`
    return Promise.resolve(failed ?? { status: 200, body: new TextEncoder().encode(answer) })
  }
  return { rpc, sent, now: () => clock }
}

const text = ({ body }: RpcAnswer) => new TextDecoder().decode(body)

Deno.test(
  'a batch that the database manages is sent once, as it came, and its answer passes untouched',
  async () => {
    const { rpc, sent, now } = answering(() => undefined)
    const answer = await push(batchOf(3), rpc, now)
    assertEquals(sent.length, 1)
    assertEquals(
      sent[0]!.text.includes('{"seq":2,"data":{"price":1.10,"big":9007199254740993}}'),
      true,
    )
    assertEquals(sent[0]!.text.includes('"n":1.0'), true)
    assertEquals(text(answer).includes('{"seq":3,"status":"applied","row":{"price":1.10}}'), true)
  },
)

Deno.test(
  'a batch that outlasts the statement timeout is sent in halves, in order, and answered as one',
  async () => {
    const { rpc, sent, now } = answering(({ seqs }) =>
      seqs.length > 2 ? failure('57014') : undefined,
    )
    const answer = await push(batchOf(7), rpc, now)
    assertEquals(
      sent.map(({ seqs }) => seqs),
      [[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4], [1, 2], [3, 4], [5, 6], [7]],
    )
    const { results, last_seq, server_time } = JSON.parse(text(answer))
    assertEquals(
      results.map(({ seq }: { seq: number }) => seq),
      [1, 2, 3, 4, 5, 6, 7],
    )
    assertEquals([last_seq, server_time], [7, 't6'])
  },
)

Deno.test('no digit changes in a batch that was split, on the way in or out', async () => {
  const { rpc, sent, now } = answering((_, nth) => (nth === 1 ? failure('57014') : undefined))
  const answer = await push(batchOf(2), rpc, now)
  assertEquals(
    sent[2]!.text.includes('[{"seq":2,"data":{"price":1.10,"big":9007199254740993}}]'),
    true,
  )
  assertEquals(text(answer).includes('"row":{"price":1.10}'), true)
})

Deno.test(
  'a piece sent later tells a device time that is as much later, so that edits do not look younger',
  async () => {
    const { rpc, sent, now } = answering((_, nth) => (nth === 1 ? failure('57014') : undefined))
    await push(batchOf(2), rpc, now)
    assertEquals(
      sent.map(({ client_time }) => client_time),
      [client_time, '2026-03-01T12:00:08.000Z', '2026-03-01T12:00:16.000Z'],
    )
  },
)

Deno.test(
  'a piece says from where on the device has heard nothing, so that it can ask again',
  async () => {
    const { rpc, sent, now } = answering((_, nth) => (nth === 1 ? failure('57014') : undefined))
    await push(batchOf(2), rpc, now)
    assertEquals(
      sent.map(({ text }) => JSON.parse(text).options.unheard_from),
      [undefined, 1, 1],
    )
  },
)

Deno.test('pieces go by the name of the whole, and of what that is a part of itself', async () => {
  const namesOf = async (options?: string) => {
    const { rpc, sent, now } = answering((_, nth) => (nth === 1 ? failure('57014') : undefined))
    const batch = batchOf(2)
    await push({ ...batch, options: options ?? batch.options }, rpc, now)
    return sent.map(({ text }) => JSON.parse(text).options.batch)
  }
  const [none, name, again] = await namesOf()
  assertEquals([none, name.length, again], [undefined, 64, name])
  assertEquals(await namesOf('{"batch":"b"}'), ['b', 'b', 'b'])
})

Deno.test('a single mutation that outlasts the timeout passes the error through', async () => {
  const { rpc, sent, now } = answering(() => failure('57014'))
  assertEquals(await push(batchOf(1), rpc, now), failure('57014'))
  assertEquals(sent.length, 1)
})

Deno.test('when nothing was committed the error is the answer', async () => {
  const slow = answering(() => failure('57014'))
  assertEquals(await push(batchOf(4), slow.rpc, slow.now), failure('57014'))
  const revoked = answering((_, nth) => (nth === 1 ? failure('57014') : failure('PT403', 403)))
  assertEquals(await push(batchOf(4), revoked.rpc, revoked.now), failure('PT403', 403))
})

Deno.test('when a later piece fails, the results of those before it are not lost', async () => {
  const { rpc, sent, now } = answering(
    (_, nth) => [failure('57014'), undefined, failure('PT403', 403)][nth - 1],
  )
  const answer = await push(batchOf(4), rpc, now)
  assertEquals(sent.length, 3)
  assertEquals(answer.status, 200)
  const { results, last_seq, push_error } = JSON.parse(text(answer))
  assertEquals(
    results.map(({ seq }: { seq: number }) => seq),
    [1, 2],
  )
  assertEquals(last_seq, 2)
  assertEquals(push_error, { code: 'PT403', message: 'failed', status: 403 })
})

Deno.test(
  'a mutation after one that failed is never sent: its number would be taken for an old one',
  async () => {
    const { rpc, sent, now } = answering(({ seqs }) =>
      seqs.includes(2) ? failure('57014') : undefined,
    )
    const answer = JSON.parse(text(await push(batchOf(4), rpc, now)))
    assertEquals(
      sent.map(({ seqs }) => seqs),
      [[1, 2, 3, 4], [1, 2], [1], [2]],
    )
    assertEquals([answer.results.length, answer.push_error.code], [1, '57014'])
  },
)

Deno.test(
  'splitting ends in time for the answer to be given, with what was done by then',
  async () => {
    const hopeless = answering(({ seqs }) => (seqs.length > 1 ? failure('57014') : undefined))
    assertEquals(await push(batchOf(10_000), hopeless.rpc, hopeless.now), failure('57014'))
    assertEquals(hopeless.now() < 150_000, true)

    const slow = answering(({ seqs }) => (seqs.length > 700 ? failure('57014') : undefined))
    const answer = JSON.parse(text(await push(batchOf(10_000), slow.rpc, slow.now)))
    assertEquals(slow.now() < 150_000, true)
    assertEquals(answer.results.length, answer.last_seq)
    assertEquals(answer.push_error.code, '57014')
  },
)
