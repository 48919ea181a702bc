import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, anonClient, secretClient, stack, uniqueName } from '../testing.ts'
import type { TestUser } from '../testing.ts'

const sql = connect()
const name = uniqueName('rpc')
let user: TestUser

beforeAll(async () => {
  await sql.unsafe(`
    create table public.${name} (n int primary key);
    create function public.${name}_echo(value json, other int default 3) returns json
      language sql volatile as 'select value';
    create function public.${name}_who() returns json language sql stable as $$
      select json_build_object('uid', auth.uid(), 'role', auth.role(), 'user', current_user,
        'timeout', current_setting('statement_timeout'), 'header', auth.jwt() ->> 'role',
        'agent', current_setting('request.headers')::json ->> 'x-test')
    $$;
    create function public.${name}_raise(code text) returns json language plpgsql as $$
      begin raise exception 'a_code' using errcode = code, detail = 'the detail', hint = 'the hint'; end
    $$;
    create function public.${name}_write(number int, break boolean default false) returns void
      language plpgsql as $$
      begin
        insert into public.${name} values (number);
        if break then raise exception 'broken'; end if;
      end
    $$;
    create function public.${name}_stable_write() returns void language plpgsql stable as $$
      begin perform public.${name}_write(99); end
    $$;
    create function public.${name}_rows() returns setof public.${name} language sql stable as
      'select * from public.${name}';
    create function public.${name}_add(a int, b int default 1) returns int language sql immutable as 'select a + b';
    create function public.${name}_sleep(seconds float) returns void language sql volatile as 'select pg_sleep(seconds)';
    create function public.${name}_secret() returns json language sql as $$ select '1'::json $$;
    revoke execute on function public.${name}_secret() from public, anon, authenticated;
    create function public.${name}_large(megabytes int) returns json language sql stable as
      $$ select to_json(repeat('x', megabytes * 1000000)) $$;
  `)
  user = await createUser()
})

afterAll(async () => {
  const functions = await sql<{ signature: string }[]>`
    select oid::regprocedure::text as signature from pg_proc
    where proname like ${`${name}%`} and pronamespace = 'public'::regnamespace`
  for (const { signature } of functions) await sql.unsafe(`drop function ${signature}`)
  await sql.unsafe(`drop table public.${name}`)
  await sql.end()
})

async function post(fn: string, body: string, headers: Record<string, string> = {}) {
  const { api_url, publishable_key } = stack()
  const answer = await fetch(`${api_url}/rest/v1/rpc/${name}_${fn}`, {
    method: 'POST',
    headers: { apikey: publishable_key, 'content-type': 'application/json', ...headers },
    body,
  })
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}

describe('a function called through the API', () => {
  it('gets and gives json as it is written', async () => {
    const value =
      '{"n": 9007199254740993, "d": 1.10, "z": 1, "a":  2, "big": 1e400, "s": "ü\\u00e4\\n"}'
    expect(await post('echo', `{"value": ${value}}`)).toMatchObject({ status: 200, text: value })
  })

  it('answers null for null', async () => {
    expect(await post('echo', '{"value": null}')).toMatchObject({ status: 200, text: 'null' })
  })

  it('runs as the caller, with the settings of the caller’s role', async () => {
    const { data } = await user.client.rpc(`${name}_who`)
    expect(data).toMatchObject({
      uid: user.id,
      role: 'authenticated',
      user: 'authenticated',
      timeout: '8s',
    })
    const anon = await anonClient().rpc(`${name}_who`)
    expect(anon.data).toMatchObject({
      uid: null,
      role: 'anon',
      user: 'anon',
      timeout: '3s',
      header: 'anon',
    })
    const secret = await secretClient().rpc(`${name}_who`)
    expect(secret.data).toMatchObject({ role: 'service_role', user: 'service_role' })
    const { text } = await post('who', '{}', { 'x-test': 'yes' })
    expect(JSON.parse(text)).toMatchObject({ agent: 'yes' })
  })

  it.each([
    ['PT409', 409],
    ['PT426', 426],
    ['P0001', 400],
    ['23505', 409],
    ['23503', 409],
    ['23514', 400],
    ['40001', 500],
    ['42P01', 404],
    ['57014', 500],
  ])('answers an error with its code, %s with status %i', async (code, status) => {
    const { error, status: got } = await user.client.rpc(`${name}_raise`, { code })
    expect(got).toBe(status)
    expect(error).toMatchObject({
      code,
      message: 'a_code',
      details: 'the detail',
      hint: 'the hint',
    })
  })

  it('is refused with 401 to those not signed in, with 403 to those who are', async () => {
    const anon = await anonClient().rpc(`${name}_secret`)
    expect(anon).toMatchObject({ status: 401, error: { code: '42501' } })
    const signedIn = await user.client.rpc(`${name}_secret`)
    expect(signedIn).toMatchObject({ status: 403, error: { code: '42501' } })
  })

  it('writes all or nothing', async () => {
    expect(await secretClient().rpc(`${name}_write`, { number: 1 })).toMatchObject({ status: 204 })
    const broken = await secretClient().rpc(`${name}_write`, { number: 2, break: true })
    expect(broken).toMatchObject({ status: 400, error: { code: 'P0001' } })
    expect(await sql.unsafe(`select n from public.${name}`)).toEqual([{ n: 1 }])
  })

  it('leaves a connection behind that the next call can use', async () => {
    const calls = Array.from({ length: 60 }, (_, i) =>
      i % 2 === 0
        ? user.client.rpc(`${name}_raise`, { code: 'PT400' })
        : user.client.rpc(`${name}_add`, { a: i }),
    )
    const answers = await Promise.all(calls)
    answers.forEach((answer, i) =>
      expect(i % 2 === 0 ? answer.status : answer.data).toBe(i % 2 === 0 ? 400 : i + 1),
    )
  })

  it('cannot write when it says that it does not', async () => {
    const answer = await secretClient().rpc(`${name}_stable_write`)
    expect(answer).toMatchObject({ status: 405, error: { code: '25006' } })
  })

  it('can be called by GET when it only reads', async () => {
    const read = await user.client.rpc(`${name}_add`, { a: 2, b: 5 }, { get: true })
    expect(read.data).toBe(7)
    const write = await secretClient().rpc(`${name}_write`, { number: 3 }, { get: true })
    expect(write).toMatchObject({ status: 405, error: { code: '25006' } })
  })

  it('is found by name and arguments', async () => {
    expect(await post('add', '{"a": 1, "c": 2}')).toMatchObject({ status: 404 })
    const { error } = await user.client.rpc(`${name}_nowhere`)
    expect(error).toMatchObject({ code: 'PGRST202' })
  })

  it('is stopped after its role’s time', async () => {
    const answer = await anonClient().rpc(`${name}_sleep`, { seconds: 10 })
    expect(answer).toMatchObject({ status: 500, error: { code: '57014' } })
  })

  it('takes nothing but a json object', async () => {
    for (const body of ['{', '[1]', '"a"', '{"value": 1']) {
      const { status, text } = await post('echo', body)
      expect([status, JSON.parse(text).code]).toEqual([400, 'PGRST102'])
    }
  })

  it('may return rows, which can be filtered', async () => {
    const { data } = await secretClient().rpc(`${name}_rows`).eq('n', 1)
    expect(data).toEqual([{ n: 1 }])
  })

  it('may answer with 10 MB', async () => {
    const { text } = await post('large', '{"megabytes": 10}')
    expect(text).toHaveLength(10_000_002)
  })

  it('takes 10 MB', async () => {
    const value = `"${'y'.repeat(10_000_000)}"`
    const { status, text } = await post('echo', `{"value": ${value}}`)
    expect(status).toBe(200)
    expect(text === value).toBe(true)
  })

  it('may be called from a web page', async () => {
    const { api_url } = stack()
    const answer = await fetch(`${api_url}/rest/v1/rpc/${name}_echo`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'apikey,authorization,content-type',
      },
    })
    expect(answer.ok).toBe(true)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(answer.headers.get('access-control-allow-headers')).toContain('authorization')
    const { headers } = await post('add', '{"a": 1}')
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })
})
