import { randomUUID } from 'node:crypto'
import { sign } from 'hono/jwt'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, createUser, jwtSecret, stack, type TestUser } from '../dev/testing.ts'
import { ok, type Page, type Result, rpc } from './support/calls.ts'
import { digestOf, ownProject } from './support/own-project.ts'

let project: Awaited<ReturnType<typeof ownProject>>
let superuser: Sql
let sql: Sql
/** The victim, and the attacker, who was a member of a trip of hers and has left. */
let ada: TestUser
let bob: TestUser
let digest: () => Promise<unknown>

const trip = randomUUID()
/** Hers: a note, a deleted note, a note of the trip, devices, an open conflict. */
const hers = {
  note: randomUUID(),
  deleted: randomUUID(),
  shared: randomUUID(),
  device: randomUUID(),
  revoked: randomUUID(),
  conflict: '',
}
/** His: a note and a device, with the cursor of the day when he was a member. */
const his = { note: randomUUID(), device: randomUUID(), cursor: {} as Record<string, unknown> }
/** No answer to him may hold any of this. */
let herWords: RegExp

const at = '2026-01-01T00:00:00Z'
const put = (seq: number, table: string, id: string, data: object) =>
  ({ seq, table, op: 'put', id, base: null, data, edited_at: at }) as const
const patch = (seq: number, table: string, id: string, data: object) =>
  ({ seq, table, op: 'patch', id, base: 1, data, edited_at: at }) as const
const remove = (seq: number, table: string, id: string) =>
  ({ seq, table, op: 'delete', id, base: 1, edited_at: at }) as const

beforeAll(async () => {
  project = await ownProject()
  superuser = connect('supabase_admin')
  sql = connect()
  ada = await createUser()
  bob = await createUser()
  await sql.unsafe(`
    create table public.notes (id uuid primary key, user_id uuid not null default auth.uid(), text text);
    create table public.members (trip_id uuid, user_id uuid, primary key (trip_id, user_id));
    create table public.trip_notes (id uuid primary key, trip_id uuid not null, text text);
    alter table public.notes enable row level security;
    alter table public.members enable row level security;
    alter table public.trip_notes enable row level security;
    create policy "own" on public.notes to authenticated using (user_id = (select auth.uid()));
    create policy "own memberships" on public.members for select to authenticated using (user_id = (select auth.uid()));
    create policy "members share" on public.trip_notes to authenticated
      using (trip_id in (select trip_id from public.members where user_id = (select auth.uid())));
    select tidemark.add_scope('trip', 'public.members', 'trip_id', 'user_id');
    select tidemark.add_table('public.notes', 'user:user_id', 'manual');
    select tidemark.add_table('public.trip_notes', 'trip:trip_id');
    insert into public.members values ('${trip}', '${ada.id}'), ('${trip}', '${bob.id}')`)
  const push = async (user: TestUser, device_id: string, mutations: object[]) =>
    ok<{ results: (Result & { conflict_id?: string })[] }>(
      await rpc(user.accessToken, 'sync_push', { device_id, mutations }),
    ).results
  await push(ada, hers.device, [
    put(1, 'notes', hers.note, { text: 'secret' }),
    put(2, 'notes', hers.deleted, { text: 'secret' }),
    put(3, 'trip_notes', hers.shared, { trip_id: trip, text: 'shared' }),
    remove(4, 'notes', hers.deleted),
  ])
  await push(ada, hers.revoked, [patch(1, 'notes', hers.note, { text: 'secret too' })])
  const [parked] = await push(ada, hers.device, [
    patch(5, 'notes', hers.note, { text: 'secret 3' }),
  ])
  hers.conflict = parked!.conflict_id!
  ok(await rpc(ada.accessToken, 'sync_revoke_device', { device_id: hers.revoked }))
  await push(bob, his.device, [put(1, 'notes', his.note, { text: 'his' })])
  const page = ok<Page>(await rpc(bob.accessToken, 'sync_pull', { device_id: his.device }))
  his.cursor = page.cursor
  await sql`delete from public.members where user_id = ${bob.id}`
  await push(ada, hers.device, [
    patch(6, 'trip_notes', hers.shared, { text: 'secret since he left' }),
    put(7, 'trip_notes', randomUUID(), { trip_id: trip, text: 'secret since he left' }),
  ])
  herWords = new RegExp(['secret', ada.id, ...Object.values(hers)].join('|'))

  const contents = await digestOf(superuser)
  // How his own devices are doing is what calls of his may change.
  digest = async () => {
    const { 'tidemark.sync_devices': _, ...rest } = await contents()
    const devices = await superuser`
      select to_jsonb(d) as device from tidemark.sync_devices d where d.user_id <> ${bob.id} order by d.device_id`
    return { ...rest, devices: [...devices] }
  }
}, 120_000)
afterAll(async () => {
  await sql?.end()
  await superuser?.end()
  await project?.end()
})

let before: unknown
beforeEach(async () => {
  before = await digest()
})
const expectNothingChanged = async () => expect(await digest()).toEqual(before)

type Headers = Record<string, string>
interface Raw {
  status: number
  text: string
}

/** Any request at all, as the signed-in attacker unless the headers say otherwise. */
async function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Headers = {},
): Promise<Raw> {
  const response = await fetch(stack().api_url + path, {
    method,
    headers: {
      apikey: stack().publishable_key,
      authorization: `Bearer ${bob.accessToken}`,
      'content-type': 'application/json',
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, text: await response.text() }
}

const call = (name: string, args: unknown, headers?: Headers) =>
  send('POST', `/rest/v1/rpc/${name}`, args, headers)
const codeOf = ({ text }: Raw) => {
  const { code, message } = JSON.parse(text) as { code?: string; message?: string }
  return { code, message }
}

/** What an answer says, but for the ids that were asked for and the time of the day. */
const nameless = ({ status, text }: Raw, ...ids: string[]) => ({
  status,
  text: ids
    .reduce((rest, id) => rest.replaceAll(id, '<id>'), text)
    .replace(/"(server_time|at)" ?: ?"[^"]+"/g, '"$1":"<now>"'),
})

describe('ids of what he may not see are answered byte for byte like ids of nothing', () => {
  /** By RPC: its arguments, and the calls that take an id of hers and of nobody's in turn. */
  type Asking = (id: string) => object
  const pushing = (table: string): Asking[] =>
    [patch, remove].map((edit) => (id) => ({
      device_id: randomUUID(),
      mutations: [edit(1, table, id, { text: 'x' })],
    }))
  const asking: Record<string, { of: () => string[]; calls: Asking[] }[]> = {
    sync_push: [
      { of: () => [hers.note, hers.deleted], calls: pushing('notes') },
      { of: () => [hers.shared], calls: pushing('trip_notes') },
      {
        of: () => [trip],
        calls: [
          (id) => ({
            device_id: randomUUID(),
            mutations: [put(1, 'trip_notes', his.note, { trip_id: id, text: 'x' })],
          }),
        ],
      },
    ],
    sync_pull: [
      {
        of: () => [ada.id, trip],
        calls: [
          (id) => ({ device_id: his.device, options: { scopes: [`user:${id}`, `trip:${id}`] } }),
          (id) => ({ device_id: his.device, cursor: { scope: `user:${id}` } }),
          (id) => ({ device_id: his.device, options: { tables: [id] } }),
        ],
      },
    ],
    sync_rows: [
      {
        of: () => [hers.note, hers.deleted],
        calls: [(id) => ({ table: 'notes', ids: [id, his.note] })],
      },
      { of: () => [hers.shared], calls: [(id) => ({ table: 'trip_notes', ids: [id] })] },
    ],
    sync_verify_range: [
      { of: () => [ada.id], calls: [(id) => ({ table: 'notes', scope: `user:${id}` })] },
      { of: () => [trip], calls: [(id) => ({ table: 'trip_notes', scope: `trip:${id}` })] },
      {
        of: () => [hers.note],
        calls: [(id) => ({ table: 'notes', scope: `user:${bob.id}`, prefix: id })],
      },
    ],
    sync_verify: [{ of: () => [hers.note], calls: [(id) => ({ tables: [id] })] }],
    sync_new_ids: [{ of: () => [hers.note], calls: [(id) => ({ table: id, count: 1 })] }],
    sync_resolve: [
      {
        of: () => [hers.conflict],
        calls: [
          (id) => ({ conflict_id: id, resolution: { take: 'client' } }),
          (id) => ({ conflict_id: id, resolution: { take: 'server' } }),
          (id) => ({ conflict_id: id, resolution: { row: { text: 'x' } } }),
          (id) => ({ conflict_id: id, resolution: { take: 'x' } }),
        ],
      },
    ],
    sync_revoke_device: [
      { of: () => [hers.device, hers.revoked], calls: [(id) => ({ device_id: id })] },
    ],
    // Whose a device is, is said: its id is 122 random bits that its owner alone was told.
    sync_register_device: [],
  }

  it('in every call that takes one', async () => {
    const takers = await sql<{ name: string }[]>`
      select proname as name from pg_proc
      where pronamespace = 'public'::regnamespace and proname ~ '^sync_' and pronargs > 0`
    expect(Object.keys(asking).toSorted()).toEqual(takers.map(({ name }) => name).toSorted())
    for (const [name, cases] of Object.entries(asking))
      for (const { of, calls } of cases)
        for (const [n, args] of calls.entries())
          for (const real of of()) {
            const absent = randomUUID()
            const answer = nameless(await call(name, args(real)), real)
            expect(answer, `${name}, ${n}`).toEqual(
              nameless(await call(name, args(absent)), absent),
            )
            expect(answer.text, `${name}, ${n}`).not.toMatch(herWords)
          }
    await expectNothingChanged()
  })

  it('also through the functions, edge and tables', async () => {
    for (const real of [hers.note, hers.deleted]) {
      const absent = randomUUID()
      for (const ask of [
        (id: string) =>
          send('POST', '/functions/v1/sync-push', {
            device_id: randomUUID(),
            mutations: [patch(1, 'notes', id, { text: 'x' }), remove(2, 'notes', id)],
          }),
        (id: string) => send('GET', `/rest/v1/notes?id=eq.${id}`),
        (id: string) => send('PATCH', `/rest/v1/notes?id=eq.${id}`, { text: 'x' }),
        (id: string) => send('DELETE', `/rest/v1/notes?id=eq.${id}`),
      ])
        expect(nameless(await ask(real), real)).toEqual(nameless(await ask(absent), absent))
    }
    await expectNothingChanged()
  })
})

describe('a member who left', () => {
  it('gets nothing since then from the cursor of that day, in whatever form it comes', async () => {
    const pulls = [
      his.cursor,
      null,
      { ...his.cursor, seen: '1:1:' },
      { ...his.cursor, user: ada.id, user_id: ada.id, scopes: [`trip:${trip}`] },
    ]
    for (const cursor of pulls) {
      const answer = await call('sync_pull', { device_id: his.device, cursor })
      expect(answer.text).not.toMatch(/secret/)
      expect(answer.text).not.toMatch(new RegExp(hers.note))
    }
    const { left } = JSON.parse(
      (await call('sync_pull', { device_id: his.device, cursor: his.cursor })).text,
    ) as { left: string[] }
    expect(left).toEqual([`trip:${trip}`])
    await expectNothingChanged()
  })
})

describe('forged edits', () => {
  it.each<[string, () => object, string]>([
    ['a row for her', () => put(1, 'notes', randomUUID(), { user_id: ada.id }), 'forbidden'],
    ['her row as his', () => put(1, 'notes', hers.note, { user_id: bob.id }), 'forbidden'],
    ['her row, by a patch', () => patch(1, 'notes', hers.note, { user_id: bob.id }), 'not_found'],
    ['his row for her', () => patch(1, 'notes', his.note, { user_id: ada.id }), 'forbidden'],
    ['a row in the trip', () => put(1, 'trip_notes', randomUUID(), { trip_id: trip }), 'forbidden'],
    ['a row of the trip', () => patch(1, 'trip_notes', hers.shared, { text: 'x' }), 'not_found'],
    ['a membership', () => put(1, 'members', trip, { user_id: bob.id }), 'unknown_table'],
    ['a log entry', () => put(1, 'tidemark.sync_changes', '1', { scope: 'x' }), 'unknown_table'],
    ['a user', () => put(1, 'auth.users', ada.id, { role: 'x' }), 'unknown_table'],
    [
      'a scope as a column',
      () => patch(1, 'notes', his.note, { scope: 'public' }),
      'unknown_column',
    ],
  ])('%s: refused', async (_, edit, code) => {
    const answer = await call('sync_push', {
      device_id: randomUUID(),
      mutations: [edit()],
      options: { user_id: ada.id, role: 'service_role' },
    })
    expect(answer.text).not.toMatch(/secret/)
    expect(JSON.parse(answer.text)).toMatchObject({
      results: [{ status: 'rejected', error: { code } }],
    })
    await expectNothingChanged()
  })
})

describe('devices that are not his do nothing for him', () => {
  const calls: Record<string, (device_id: string) => Promise<Raw>> = {
    sync_push: (device_id) => call('sync_push', { device_id, mutations: [] }),
    sync_pull: (device_id) => call('sync_pull', { device_id }),
    sync_register_device: (device_id) => call('sync_register_device', { device_id, info: {} }),
    'sync-push': (device_id) =>
      send('POST', '/functions/v1/sync-push', { device_id, mutations: [] }),
    'sync-pull': (device_id) => send('POST', '/functions/v1/sync-pull', { device_id }),
    sync: (device_id) => send('POST', '/functions/v1/sync', { device_id, mutations: [] }),
  }
  it.each(Object.keys(calls))('%s', async (name) => {
    for (const device of [hers.device, hers.revoked]) {
      const answer = await calls[name]!(device)
      expect(answer.status).toBe(403)
      expect(codeOf(answer).message).toBe('device_of_another_user')
    }
    for (const forged of ['', 'x', `${hers.device}'--`, '00000000', { id: hers.device }])
      expect((await calls[name]!(forged as string)).status).toBe(400)
    await expectNothingChanged()
  })

  it('nor one of hers that she revoked, for herself', async () => {
    const token = { authorization: `Bearer ${ada.accessToken}` }
    const device_id = hers.revoked
    for (const answer of [
      await call('sync_push', { device_id, mutations: [] }, token),
      await call('sync_pull', { device_id }, token),
      await call('sync_pull', { device_id, cursor: his.cursor }, token),
      await call('sync_register_device', { device_id, info: {} }, token),
      await send('POST', '/functions/v1/sync', { device_id, mutations: [] }, token),
    ]) {
      expect(answer.status).toBe(403)
      expect(codeOf(answer).message).toBe('device_revoked')
    }
    await expectNothingChanged()
  })
})

describe('forged headers', () => {
  const claims = () => JSON.stringify({ sub: ada.id, role: 'service_role' })
  it.each<[string, () => Headers]>([
    [
      'x-forwarded-*',
      () => ({
        'x-forwarded-user': ada.id,
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': 'db',
      }),
    ],
    [
      'x-real-ip and host names',
      () => ({ 'x-real-ip': '127.0.0.1', 'x-original-url': '/rest/v1/notes' }),
    ],
    [
      'roles',
      () => ({ role: 'service_role', 'x-role': 'service_role', 'x-supabase-role': 'postgres' }),
    ],
    [
      'claims',
      () => ({
        'request.jwt.claims': claims(),
        'x-jwt-claims': claims(),
        'x-user-id': ada.id,
        sub: ada.id,
      }),
    ],
    ['settings', () => ({ 'tidemark.device': hers.device, 'tidemark.purging': 'rows' })],
    [
      'Prefer',
      () => ({
        prefer:
          'params=single-object, tx=rollback, return=representation, resolution=merge-duplicates',
      }),
    ],
    ['Accept-Profile', () => ({ 'accept-profile': 'tidemark' })],
    ['Content-Profile', () => ({ 'content-profile': 'tidemark' })],
    [
      'a method in disguise',
      () => ({ 'x-http-method-override': 'DELETE', 'x-http-method': 'DELETE' }),
    ],
    ['a cookie', () => ({ cookie: `sb-access-token=${ada.accessToken}; role=service_role` })],
  ])('%s get him no further', async (_, headers) => {
    const asks: ((more?: Headers) => Promise<Raw>)[] = [
      (more) => call('sync_rows', { table: 'notes', ids: [hers.note, his.note] }, more),
      (more) => call('sync_verify', {}, more),
      (more) => call('sync_conflicts', {}, more),
      (more) =>
        call('sync_resolve', { conflict_id: hers.conflict, resolution: { take: 'client' } }, more),
      (more) => send('GET', '/rest/v1/notes?select=id,user_id,text', undefined, more),
      (more) => send('DELETE', `/rest/v1/notes?id=eq.${hers.note}`, undefined, more),
      (more) => send('POST', '/functions/v1/sync-pull', { device_id: his.device }, more),
    ]
    for (const ask of asks) {
      const plain = nameless(await ask())
      const forged = nameless(await ask(headers()))
      // As without them, or not at all: Prefer may choose between 200 and 204.
      const kind = ({ status }: Raw) => Math.floor(status / 100)
      if (kind(forged) < 4 || kind(plain) >= 4) expect(kind(forged)).toBe(kind(plain))
      expect(forged.text).not.toMatch(/secret/)
    }
    await expectNothingChanged()
  })
})

describe('tokens', () => {
  const now = () => Math.floor(Date.now() / 1000)
  const claims = (more: object = {}) => ({
    sub: ada.id,
    role: 'authenticated',
    exp: now() + 600,
    ...more,
  })
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const parts = () => ada.accessToken.split('.') as [string, string, string]

  const tokens: Record<string, () => Promise<string> | string> = {
    'of nobody': () => '',
    'that is the publishable key': () => stack().publishable_key,
    'without algorithm, without signature': () =>
      `${part({ alg: 'none', typ: 'JWT' })}.${part(claims())}.`,
    'without algorithm, with a signature': () =>
      `${part({ alg: 'none' })}.${part(claims())}.${parts()[2]}`,
    'whose algorithm is spelled nOnE': () => `${part({ alg: 'nOnE' })}.${part(claims())}.x`,
    unsigned: () => parts().slice(0, 2).join('.'),
    'with another payload under her signature': () =>
      `${parts()[0]}.${part(claims({ role: 'service_role' }))}.${parts()[2]}`,
    'with her name under his signature': () => {
      const [head, , signature] = bob.accessToken.split('.')
      return `${head}.${parts()[1]}.${signature}`
    },
    'signed with the publishable key': () => sign(claims(), stack().publishable_key, 'HS256'),
    'signed with nothing': () => sign(claims(), ' ', 'HS256'),
    'with another algorithm and the right secret': () => sign(claims(), jwtSecret(), 'HS512'),
    'that has expired': () => sign(claims({ exp: now() - 1 }), jwtSecret(), 'HS256'),
    'that is not valid yet': () => sign(claims({ nbf: now() + 600 }), jwtSecret(), 'HS256'),
    'of role anon with her name': () => sign(claims({ role: 'anon' }), jwtSecret(), 'HS256'),
  }
  it.each(Object.keys(tokens))('%s open nothing', async (name) => {
    const token = await tokens[name]!()
    const headers = { authorization: token === '' ? '' : `Bearer ${token}` }
    const calls = await Promise.all([
      call('sync_pull', { device_id: randomUUID() }, headers),
      call(
        'sync_push',
        { device_id: randomUUID(), mutations: [patch(1, 'notes', hers.note, {})] },
        headers,
      ),
      call('sync_rows', { table: 'notes', ids: [hers.note] }, headers),
      call('sync_conflicts', {}, headers),
      ...['sync', 'sync-push', 'sync-pull'].map((fn) =>
        send('POST', `/functions/v1/${fn}`, { device_id: randomUUID(), mutations: [] }, headers),
      ),
    ])
    for (const answer of calls) {
      expect([401, 403], answer.text).toContain(answer.status)
      expect(codeOf(answer).code ?? codeOf(answer).message).toBeTruthy()
    }
    const tables = await Promise.all([
      send('GET', '/rest/v1/notes', undefined, headers),
      send('DELETE', `/rest/v1/notes?id=eq.${hers.note}`, undefined, headers),
      send('PATCH', `/rest/v1/notes?id=eq.${hers.note}`, { text: 'x' }, headers),
    ])
    for (const { text } of [...calls, ...tables]) expect(text).not.toMatch(herWords)
    await expectNothingChanged()
  })
})

describe('past the calls', () => {
  const callers: Record<string, () => Headers> = {
    anon: () => ({ authorization: '' }),
    'another user': () => ({}),
    'the secret key': () => ({
      apikey: stack().secret_key,
      authorization: `Bearer ${stack().secret_key}`,
    }),
  }

  it.each(Object.keys(callers))('%s reads and writes nothing in schema tidemark', async (name) => {
    const relations = await sql<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'tidemark'::regnamespace and relkind in ('r', 'v') order by 1`
    expect(relations.length).toBeGreaterThan(8)
    for (const { name: relation } of relations)
      for (const path of [relation, `tidemark.${relation}`])
        for (const profile of [
          {},
          { 'accept-profile': 'tidemark', 'content-profile': 'tidemark' },
        ]) {
          const headers = { ...callers[name]!(), ...profile }
          const upsert = { ...headers, prefer: 'resolution=merge-duplicates' }
          const answers = await Promise.all([
            send('GET', `/rest/v1/${path}?select=*`, undefined, headers),
            send('POST', `/rest/v1/${path}`, { scope: 'public', user_id: bob.id }, headers),
            send('POST', `/rest/v1/${path}`, [{ only_row: true, table_no: 1 }], upsert),
            send('PATCH', `/rest/v1/${path}?user_id=eq.${ada.id}`, { user_id: bob.id }, headers),
            send('DELETE', `/rest/v1/${path}?user_id=neq.${bob.id}`, undefined, headers),
          ])
          for (const { status, text } of answers) {
            expect(status, `${path}: ${text}`).toBeGreaterThanOrEqual(400)
            expect(status, `${path}: ${text}`).toBeLessThan(500)
            expect(text).not.toMatch(herWords)
          }
        }
    await expectNothingChanged()
  })

  it.each(Object.keys(callers))('%s calls none of its functions', async (name) => {
    const functions = await sql<{ name: string }[]>`
      select distinct proname as name from pg_proc where pronamespace = 'tidemark'::regnamespace`
    const profile = { 'content-profile': 'tidemark' }
    for (const { name: fn } of functions)
      for (const headers of [callers[name]!(), { ...callers[name]!(), ...profile }])
        expect((await call(fn, {}, headers)).status, fn).toBe(404)
    await expectNothingChanged()
  })

  it.each(['anon', 'another user'])('%s cannot write her rows in their tables', async (name) => {
    const headers = callers[name]!()
    const upsert = { ...headers, prefer: 'resolution=merge-duplicates,return=representation' }
    const row = { id: hers.note, user_id: ada.id, text: 'x' }
    for (const answer of [
      await send('GET', '/rest/v1/notes?user_id=eq.' + ada.id, undefined, headers),
      await send('POST', '/rest/v1/notes', row, headers),
      await send('POST', '/rest/v1/notes', row, upsert),
      await send('POST', '/rest/v1/notes', { ...row, user_id: bob.id }, upsert),
      await send('POST', '/rest/v1/notes', { ...row, id: randomUUID() }, headers),
      await send('POST', '/rest/v1/members', { trip_id: trip, user_id: bob.id }, headers),
      await send('PATCH', `/rest/v1/notes?id=eq.${hers.note}`, { user_id: bob.id }, headers),
      await send('PATCH', `/rest/v1/notes?id=eq.${his.note}`, { user_id: ada.id }, headers),
      await send('DELETE', '/rest/v1/notes?text=neq.x&user_id=eq.' + ada.id, undefined, headers),
      await send('DELETE', `/rest/v1/trip_notes?trip_id=eq.${trip}`, undefined, headers),
    ])
      expect(answer.text).not.toMatch(/secret/)
    await expectNothingChanged()
  })

  it.each(Object.keys(callers))('%s asks GraphQL for nothing', async (name) => {
    for (const query of [
      '{ notesCollection { edges { node { text } } } }',
      '{ __schema { types { name } } }',
    ]) {
      const answer = await send('POST', '/graphql/v1', { query }, callers[name]!())
      expect(answer.status).toBe(404)
      expect(answer.text).not.toMatch(/secret|tidemark|sync_changes/)
    }
    await expectNothingChanged()
  })
})
