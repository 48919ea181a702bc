import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, stack, uniqueName } from '../testing.ts'

const sql = connect()
const table = uniqueName('types')

beforeAll(async () => {
  await sql.unsafe(`
    create table public.${table} (
      id int primary key, big bigint, num numeric, half float4, double float8, txt text, flag bool,
      j json, jb jsonb, day date, at timestamptz, local timestamp, hours time, span interval,
      bytes bytea, ids uuid[], times timestamptz[], nums numeric[], words text[], spread int4range
    );
    insert into public.${table} values
      (1, 9007199254740993, 1.10, 0.1, 1e300, 'ü "\\', true,
        '{"n": 9007199254740993, "d": 1.10, "e": 1e2}', '{"n": 9007199254740993, "s": "1.10"}',
        '2026-02-28', '2026-02-28 12:34:56.123456+02', '2026-02-28 12:34:56.5', '12:34:56.7', '1 day 02:03',
        '\\x00ff', array['6b1c4d3e-0000-4000-8000-000000000001']::uuid[], array['2026-01-01 00:00Z']::timestamptz[],
        array[1.10, 2], array['a b', '"'], '[1,5)'),
      (2, -5, 'NaN', 'Infinity', '-Infinity', '', false, '[]', 'null',
        'infinity', 'infinity', '-infinity', '00:00', '0', '', '{}', '{}', '{}', '{}', 'empty'),
      (3, 0, 123456789012345678901234567890.5, 3.5, -0.0, null, null, '"x"', '5',
        '0044-03-15 BC', '0044-03-15 00:00Z BC', '0001-01-01', null, null, null, null, null, null, null, null);
  `)
})

afterAll(async () => {
  await sql.unsafe(`drop table public.${table}`)
  await sql.end()
})

describe('a table read through the API', () => {
  it.each([1, 2, 3])('is printed as Postgres prints it in json, row %i', async (id) => {
    const { api_url, secret_key: apikey } = stack()
    const read = async () =>
      fetch(`${api_url}/rest/v1/${table}?id=eq.${id}`, { headers: { apikey } })
    await expect.poll(async () => (await read()).status).toBe(200)
    const [row] = await sql.unsafe(
      `select json_agg(t)::text as rows from public.${table} t where id = ${id}`,
    )
    expect(compact(await (await read()).text())).toBe(compact(row!.rows))
  })
})

/** Without blanks between json's tokens, which a stored json value may hold. */
function compact(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1')
}
