import { handler } from '../sync/handler.ts'
import { assertEquals } from './assert.ts'
import { stackTest, table, type User } from './stack.ts'

const options = `"options":{"tables":["${table}"],"client_time":"${new Date().toISOString()}","protocol":1}`
const body = (user: User, mutations: string[], cursor = 'null') =>
  user.body(mutations, `"cursor":${cursor},${options}`)

/** Lets calls of one RPC fail, and passes the others on. */
function failing(rpc: string, code: string, status: number) {
  const called: string[] = []
  const failingFetch = (url: string, init: RequestInit) => {
    called.push(url.split('/').at(-1)!)
    return url.endsWith(rpc)
      ? Promise.resolve(
          Response.json({ code, message: 'failed', details: null, hint: null }, { status }),
        )
      : fetch(url, init)
  }
  return { called, fetch: failingFetch }
}

stackTest('one call pushes and pulls: the pull sees what was pushed', async (world) => {
  const user = await world.signUp()
  const deps = world.deps()
  const first = await handler(user.request(body(user, [user.put(1)])), deps)
  const { results, last_seq, changes, joined, left, cursor, more, server_time, ...rest } =
    await first.json()
  assertEquals([results[0].status, last_seq], ['applied', 1])
  assertEquals([changes[0].upsert.length, joined, left, more], [1, [], [], false])
  assertEquals([typeof server_time, rest], ['string', {}])
  assertEquals([deps.entries[0]?.mutations, deps.entries[0]?.rpcs], [1, 2])

  const second = await handler(
    user.request(body(user, [user.put(2)], JSON.stringify(cursor))),
    world.deps(),
  )
  const answer = await second.json()
  assertEquals([answer.last_seq, answer.changes[0].upsert.length], [2, 1])
})

stackTest('no digit of a number changes on the way there and back', async (world) => {
  const user = await world.signUp()
  const mutation = user.put(1, undefined, '"price":1.10,"big":9007199254740993')
  const response = await handler(user.request(body(user, [mutation])), world.deps())
  const text = await response.text()
  assertEquals(
    [text.includes('"price":1.10,'), text.includes('"big":9007199254740993')],
    [true, true],
  )
})

stackTest('a push that fails as a whole is the answer, and nothing is pulled', async (world) => {
  const user = await world.signUp()
  const { called, fetch } = failing('sync_push', 'PT403', 403)
  const response = await handler(user.request(body(user, [user.put(1)])), world.deps({ fetch }))
  assertEquals([response.status, (await response.json()).code], [403, 'PT403'])
  assertEquals(called, ['sync_push'])
})

stackTest('a pull that fails does not take the results of the push away', async (world) => {
  const user = await world.signUp()
  const { called, fetch } = failing('sync_pull', '53300', 503)
  const deps = world.deps({ fetch })
  const response = await handler(user.request(body(user, [user.put(1)])), deps)
  assertEquals([response.status, called], [200, ['sync_push', 'sync_pull']])
  const { results, last_seq, pull_error, server_time, ...rest } = await response.json()
  assertEquals(
    [results[0].status, last_seq, typeof server_time, rest],
    ['applied', 1, 'string', {}],
  )
  assertEquals(pull_error, {
    code: '53300',
    message: 'failed',
    details: null,
    hint: null,
    status: 503,
  })
  assertEquals([deps.entries[0]?.status, deps.entries[0]?.code], [200, '53300'])
  assertEquals((await world.rows(user)).length, 1)
})

stackTest('with nothing to push it still says how far the device has got', async (world) => {
  const user = await world.signUp()
  await (await handler(user.request(body(user, [user.put(4)])), world.deps())).body?.cancel()
  const { results, last_seq } = await (
    await handler(user.request(body(user, [])), world.deps())
  ).json()
  assertEquals([results, last_seq], [[], 4])
})
