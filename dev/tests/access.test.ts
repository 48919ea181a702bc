import { sign } from 'hono/jwt'
import { afterAll, describe, expect, it } from 'vitest'
import {
  anonClient,
  connect,
  createUser,
  jwtSecret,
  signIn,
  stack,
  uniqueName,
} from '../testing.ts'

const sql = connect()
afterAll(() => sql.end())

/** The Data API's two doors: a function, and a table. */
const doors = ['/rest/v1/rpc/version_of_nothing', '/rest/v1/nothing']

async function knock(path: string, headers: Record<string, string>) {
  const answer = await fetch(stack().api_url + path, { headers })
  return { status: answer.status, body: await answer.json() }
}

async function token(claims: object, secret = jwtSecret()) {
  const exp = Math.floor(Date.now() / 1000) + 60
  return sign({ role: 'authenticated', sub: crypto.randomUUID(), exp, ...claims }, secret, 'HS256')
}

describe.each(doors)('%s', (path) => {
  const { publishable_key: apikey } = stack()

  it('asks for a key', async () => {
    expect(await knock(path, {})).toMatchObject({
      status: 401,
      body: { message: 'No API key found in request' },
    })
  })

  it('refuses a wrong key', async () => {
    const answer = await knock(path, { apikey: 'sb_publishable_wrong' })
    expect(answer).toMatchObject({ status: 401, body: { message: 'Invalid API key' } })
  })

  it('lets a user’s token in', async () => {
    const answer = await knock(path, { apikey, authorization: `Bearer ${await token({})}` })
    expect(answer.status).toBe(404)
  })

  it('refuses a token that has expired', async () => {
    const expired = await token({ exp: Math.floor(Date.now() / 1000) - 120 })
    const answer = await knock(path, { apikey, authorization: `Bearer ${expired}` })
    expect(answer).toMatchObject({ status: 401, body: { message: 'JWT expired' } })
  })

  it('refuses a token that somebody else signed, and one that nobody did', async () => {
    const foreign = await token({}, 'another secret, of another project')
    for (const wrong of [foreign, 'a.b.c', 'nonsense']) {
      const answer = await knock(path, { apikey, authorization: `Bearer ${wrong}` })
      expect(answer.status).toBe(401)
    }
  })
})

describe('a user', () => {
  it('signs up, signs in on another device, and signs out', async () => {
    const user = await createUser()
    const other = await signIn(user)
    expect((await other.auth.getUser()).data.user?.id).toBe(user.id)
    expect((await other.auth.signOut()).error).toBeNull()
  })

  it('does not sign in with a wrong password', async () => {
    const { email } = await createUser()
    const { error } = await anonClient().auth.signInWithPassword({ email, password: 'wrong' })
    expect(error?.status).toBe(400)
  })

  it('cannot read the users', async () => {
    const { client } = await createUser()
    const { status } = await client.schema('auth').from('users').select('*')
    expect(status).toBe(406)
    for (const role of ['anon', 'authenticated']) {
      const attempt = sql.begin(async (transaction) => {
        await transaction.unsafe(`set local role ${role}`)
        await transaction`select * from auth.users`
      })
      await expect(attempt).rejects.toMatchObject({ code: '42501' })
    }
  })
})

describe('a table behind row level security', () => {
  it('shows each user the own rows, through select, insert and update', async () => {
    const table = uniqueName('notes')
    await sql.unsafe(`
      create table public.${table} (
        id int primary key, owner uuid not null default auth.uid() references auth.users, text text);
      alter table public.${table} enable row level security;
      create policy "own rows" on public.${table} using (owner = auth.uid()) with check (owner = auth.uid());
    `)
    try {
      const [ann, bob] = [await createUser(), await createUser()]
      expect((await ann.client.from(table).insert({ id: 1, text: 'mine' })).status).toBe(201)
      expect((await bob.client.from(table).select()).data).toEqual([])
      expect(
        (await bob.client.from(table).update({ text: 'ours' }).eq('id', 1).select()).data,
      ).toEqual([])
      const forged = await bob.client.from(table).insert({ id: 2, owner: ann.id })
      expect(forged).toMatchObject({ status: 403, error: { code: '42501' } })
      expect((await ann.client.from(table).select('text')).data).toEqual([{ text: 'mine' }])
      expect((await anonClient().from(table).select()).data).toEqual([])
    } finally {
      await sql.unsafe(`drop table public.${table}`)
    }
  })
})

describe('a function', () => {
  const { functions_url, publishable_key } = stack()
  const call = (headers: Record<string, string>) =>
    fetch(`${functions_url}/there-is-none`, { method: 'POST', headers, body: '{}' })

  it('is behind a token or a key', async () => {
    expect((await call({})).status).toBe(401)
    expect((await call({ authorization: 'Bearer a.b.c' })).status).toBe(401)
    expect((await call({ authorization: `Bearer ${publishable_key}` })).status).toBe(404)
    expect((await call({ authorization: `Bearer ${await token({})}` })).status).toBe(404)
  })
})

describe.each(['/rest/v1/nothing', '/auth/v1/user', '/storage/v1/object/none/none'])(
  'a browser at %s',
  (path) => {
    it('may ask from any page and read the answer, also that of a refusal', async () => {
      const { api_url, publishable_key: apikey } = stack()
      const asked = await fetch(api_url + path, {
        method: 'OPTIONS',
        headers: {
          origin: 'http://127.0.0.1:5173',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'apikey',
        },
      })
      expect(asked.headers.get('access-control-allow-headers')).toBe('apikey')
      const headers = { origin: 'http://127.0.0.1:5173', apikey }
      const answer = await fetch(api_url + path, { headers })
      expect(answer.ok).toBe(false)
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    })
  },
)
