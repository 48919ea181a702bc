import { handler } from '../sync-push/handler.ts'
import { PushAnswer, WireError } from '../_tidemark/wire.ts'
import { assertEquals } from './assert.ts'
import { stackTest, table } from './stack.ts'
import { gunzip, gzip, tokenOf } from './support.ts'

stackTest(
  'a batch is applied, and answered one result a mutation in the same order',
  async (world) => {
    const user = await world.signUp()
    const deps = world.deps()
    const response = await handler(user.request(user.body([user.put(1), user.put(2)])), deps)
    assertEquals(response.status, 200)
    const { results, last_seq } = PushAnswer.parse(await response.json())
    assertEquals(
      results.map(({ seq, status }) => [seq, status]),
      [
        [1, 'applied'],
        [2, 'applied'],
      ],
    )
    assertEquals(last_seq, 2)
    assertEquals((await world.rows(user)).length, 2)
    assertEquals([deps.entries[0]?.mutations, deps.entries[0]?.rpcs], [2, 1])
  },
)

stackTest('every digit of a number arrives in the database', async (world) => {
  const user = await world.signUp()
  const mutation = user.put(1, undefined, '"price":1.10,"big":9007199254740993')
  await handler(user.request(user.body([mutation])), world.deps())
  const [row] = await world.rows(user)
  assertEquals(
    [row?.includes('"price":1.10,'), row?.includes('"big":9007199254740993')],
    [true, true],
  )
})

stackTest('a gzipped batch is applied, and its answer is gzipped', async (world) => {
  const user = await world.signUp()
  const mutations = Array.from({ length: 40 }, (_, i) => user.put(i + 1))
  const body = await gzip(user.body(mutations))
  const request = user.request(body, { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' })
  const response = await handler(request, world.deps())
  assertEquals(response.headers.get('content-encoding'), 'gzip')
  const answer = JSON.parse(await gunzip(new Uint8Array(await response.arrayBuffer())))
  assertEquals(PushAnswer.parse(answer).results.length, 40)
})

stackTest(
  'one bad mutation is rejected with its reason, and the others are applied',
  async (world) => {
    const user = await world.signUp()
    const bad = [
      '{"seq":2,"op":"explode"}',
      '{"seq":3,"table":"nowhere","op":"delete","id":"1"}',
      user.put(4, undefined, '"colour":"blue"'),
      user.put(5, undefined, String.raw`"body":"\u0000"`),
      user.put(6, 'no-uuid'),
    ]
    const response = await handler(
      user.request(user.body([user.put(1), ...bad, user.put(7)])),
      world.deps(),
    )
    const { results } = PushAnswer.parse(await response.json())
    assertEquals(
      results.map((result) => (result.status === 'rejected' ? result.error.code : result.status)),
      [
        'applied',
        'malformed',
        'unknown_table',
        'unknown_column',
        'malformed',
        'invalid_value',
        'applied',
      ],
    )
    assertEquals((await world.rows(user)).length, 2)
  },
)

stackTest('the database and the door refuse the same lists', async (world) => {
  const user = await world.signUp()
  const lists = ['{}', '[7]', '[{}]', '[{"seq":0}]', '[{"seq":1.5}]', '[{"seq":2},{"seq":2}]']
  for (const list of lists) {
    const body = `{"device_id":"${user.device}","mutations":${list}}`
    const atDoor = await handler(
      user.request(body),
      world.deps({ fetch: () => Promise.reject(new Error()) }),
    )
    const inDatabase = await fetch(`${world.deps().url}/rest/v1/rpc/sync_push`, {
      method: 'POST',
      headers: {
        apikey: world.key,
        authorization: `Bearer ${user.token}`,
        'content-type': 'application/json',
      },
      body,
    })
    const place = ({ details }: WireError) => details?.split(': ')[0]
    const [door, database] = [
      WireError.parse(await atDoor.json()),
      WireError.parse(await inDatabase.json()),
    ]
    assertEquals(
      [atDoor.status, door.message, place(door)],
      [inDatabase.status, database.message, place(database)],
    )
  }
})

stackTest(
  'a token that nobody signed gets as far as the database, and is refused there',
  async (world) => {
    const user = await world.signUp()
    const forged = tokenOf({ sub: user.id, role: 'authenticated', exp: Date.now() / 1000 + 60 })
    const request = user.request(user.body([user.put(1)]), { authorization: `Bearer ${forged}` })
    const response = await handler(request, world.deps())
    assertEquals([response.status, (await response.json()).message], [401, 'not_signed_in'])
    assertEquals(await world.rows(user), [])
  },
)

stackTest("another user's device is refused with the database's own answer", async (world) => {
  const [owner, other] = [await world.signUp(), await world.signUp()]
  await (await handler(owner.request(owner.body([])), world.deps())).body?.cancel()
  const body = `{"device_id":"${owner.device}","mutations":[${other.put(1)}]}`
  const response = await handler(other.request(body), world.deps())
  const { code, message } = await response.json()
  assertEquals([response.status, code, message], [403, 'PT403', 'device_of_another_user'])
})

stackTest('a deadlock is tried again, and the batch applied once', async (world) => {
  const user = await world.signUp()
  let failures = 2
  const deps = world.deps({
    fetch: (url, init) =>
      failures-- > 0
        ? Promise.resolve(
            Response.json({ code: '40P01', message: 'deadlock detected' }, { status: 500 }),
          )
        : fetch(url, init),
  })
  const response = await handler(user.request(user.body([user.put(1)])), deps)
  assertEquals((await response.json()).results[0].status, 'applied')
  assertEquals([deps.slept.length, deps.entries[0]?.rpcs], [2, 3])
})

stackTest('a push that Postgres ends by a deadlock is tried again and applied', async (world) => {
  const user = await world.signUp()
  const deps = world.deps()
  const send = async (seq: number) =>
    (await handler(user.request(user.body([user.put(seq)])), deps)).json()
  await send(1)
  const gate = Math.floor(Math.random() * 2 ** 31)
  await world.sql.unsafe(`
    create function wait_${table}() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(${gate}); return new; end $$;
    create trigger wait before insert on ${table} for each row execute function wait_${table}()`)
  const locks = (granted: boolean) =>
    `exists (select from pg_locks where locktype = 'advisory' and objid = ${gate} and granted = ${granted})`
  try {
    // Holds what the push waits for, and then waits for the device that the push holds. Whoever has
    // waited for a second first is ended, and that is the push.
    const other = world.sql.unsafe(`
      select pg_advisory_xact_lock(${gate});
      do $$ begin
        for i in 1 .. 2000 loop
          exit when ${locks(false)};
          perform pg_sleep(0.005);
        end loop;
      end $$;
      select from tidemark.sync_devices where device_id = '${user.device}' for update`)
    // A query of this kind is sent when somebody wants its answer.
    const done = other.then(() => 'done')
    while (!(await world.sql.unsafe(`select ${locks(true)} as held`))[0]?.held);
    const answer = await send(2)
    assertEquals(answer.results[0].status, 'applied')
    assertEquals(await done, 'done')
    assertEquals([deps.slept.length, deps.entries[1]?.rpcs], [1, 2])
    assertEquals((await world.rows(user)).length, 2)
  } finally {
    await world.sql.unsafe(`drop function wait_${table} cascade`)
  }
})

stackTest(
  'a batch that outlasts the statement timeout is applied in pieces, each mutation once',
  async (world) => {
    const user = await world.signUp()
    await world.sql.unsafe(`
    create function slow_${table}() returns trigger language plpgsql as
      $$ begin perform pg_sleep(0.05); return new; end $$;
    create trigger slow before insert on ${table} for each row execute function slow_${table}()`)
    const [{ rolconfig }] = (await world.sql.unsafe(
      `select rolconfig from pg_roles where rolname = 'authenticated'`,
    )) as [{ rolconfig: string[] | null }]
    try {
      await world.sql.unsafe(
        `alter role authenticated set statement_timeout = '500ms'; notify pgrst, 'reload config'`,
      )
      const mutations = Array.from({ length: 20 }, (_, i) =>
        user.put(i + 1, undefined, '"price":1.10'),
      )
      const deps = world.deps()
      const response = await handler(user.request(user.body(mutations)), deps)
      const { results, last_seq, push_error } = PushAnswer.parse(await response.json())
      assertEquals(
        results.map(({ seq, status }) => `${seq} ${status}`),
        mutations.map((_, i) => `${i + 1} applied`),
      )
      assertEquals([last_seq, push_error, (deps.entries[0]?.rpcs ?? 0) > 2], [20, undefined, true])
      const rows = await world.rows(user)
      assertEquals([rows.length, rows.every((row) => row.includes('"price":1.10'))], [20, true])
    } finally {
      const before = rolconfig
        ?.find((setting) => setting.startsWith('statement_timeout='))
        ?.split('=')[1]
      await world.sql.unsafe(`
      alter role authenticated ${before ? `set statement_timeout = '${before}'` : 'reset statement_timeout'};
      notify pgrst, 'reload config';
      drop function slow_${table} cascade`)
    }
  },
)

stackTest(
  'a function of the database that is not there is answered with what to do',
  async (world) => {
    const user = await world.signUp()
    const deps = world.deps({
      fetch: (url, init) => fetch(url.replace('sync_push', 'sync_nothing'), init),
    })
    const response = await handler(user.request(user.body([])), deps)
    const { code, hint } = await response.json()
    assertEquals(
      [response.status, code, hint.includes('supabase db push')],
      [404, 'PGRST202', true],
    )
  },
)

stackTest('the deployed function answers as its handler does', async (world) => {
  const user = await world.signUp()
  const response = await fetch(`${world.url}/sync-push`, {
    method: 'POST',
    headers: {
      apikey: world.key,
      authorization: `Bearer ${user.token}`,
      'content-type': 'application/json',
    },
    body: user.body([user.put(1)]),
  })
  assertEquals(PushAnswer.parse(await response.json()).results[0]?.status, 'applied')
})

stackTest('through the gateway too, a body that is too large gets its answer', async (world) => {
  const user = await world.signUp()
  const chunks = () =>
    new ReadableStream({
      start(controller) {
        for (let i = 0; i < 100; i++) controller.enqueue(new Uint8Array(100_000))
        controller.close()
      },
    })
  for (const body of [new Uint8Array(10_000_000), chunks()]) {
    const response = await fetch(`${world.url}/sync-push`, {
      method: 'POST',
      headers: {
        apikey: world.key,
        authorization: `Bearer ${user.token}`,
        'content-type': 'application/json',
      },
      body,
    })
    assertEquals([response.status, (await response.json()).message], [413, 'batch_too_large'])
  }
})
