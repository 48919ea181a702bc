import { handler as push } from '../sync-push/handler.ts'
import { handler } from '../sync-pull/handler.ts'
import { PullAnswer } from '../_tidemark/wire.ts'
import { assertEquals } from './assert.ts'
import { stackTest, table, type User, type World } from './stack.ts'

const options = (limit: number) => `"options":{"tables":["${table}"],"limit":${limit}}`

async function pushed(world: World, user: User, count: number, columns?: string): Promise<void> {
  const mutations = Array.from({ length: count }, (_, i) => user.put(i + 1, undefined, columns))
  await (await push(user.request(user.body(mutations)), world.deps())).body?.cancel()
}

stackTest('pages are pulled one after the other until there are no more', async (world) => {
  const user = await world.signUp()
  await pushed(world, user, 25)
  const ids = new Set<unknown>()
  let cursor = 'null'
  for (let more = true; more;) {
    const body = user.body(undefined, `"cursor":${cursor},${options(10)}`)
    const answer = PullAnswer.parse(await (await handler(user.request(body), world.deps())).json())
    for (const { upsert } of answer.changes) upsert.forEach(({ id }) => ids.add(id))
    cursor = JSON.stringify(answer.cursor)
    more = answer.more
  }
  assertEquals(ids.size, 25)
})

stackTest('every digit of a number arrives at the device', async (world) => {
  const user = await world.signUp()
  await pushed(world, user, 1, '"price":1.10,"big":9007199254740993')
  const response = await handler(user.request(user.body(undefined, options(10))), world.deps())
  const text = await response.text()
  assertEquals(
    [text.includes('"price":1.10,'), text.includes('"big":9007199254740993')],
    [true, true],
  )
})

stackTest(
  'a page that outlasts the statement timeout is pulled again at an eighth of its size',
  async (world) => {
    const user = await world.signUp()
    await pushed(world, user, 25)
    const limits: number[] = []
    const deps = world.deps({
      fetch: (url, init) => {
        limits.push(JSON.parse(String(init.body)).options.limit)
        return limits.length === 1
          ? Promise.resolve(
              Response.json({ code: '57014', message: 'canceling statement' }, { status: 500 }),
            )
          : fetch(url, init)
      },
    })
    const response = await handler(user.request(user.body(undefined, options(20))), deps)
    const { changes, more } = PullAnswer.parse(await response.json())
    assertEquals([limits, changes[0]?.upsert.length, more], [[20, 3], 3, true])
  },
)

stackTest('a user pulls nothing of another', async (world) => {
  const [owner, other] = [await world.signUp(), await world.signUp()]
  await pushed(world, owner, 3)
  const response = await handler(other.request(other.body(undefined, options(10))), world.deps())
  assertEquals(PullAnswer.parse(await response.json()).changes, [])
})
