import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { freePort } from '../../dev/ports.ts'
import { startStack, type Stack } from '../../dev/stack.ts'

/**
 * A whole stack of a test file's own, with functions, that nobody else writes to and that may be
 * broken. From now on `dev/testing.ts` speaks of it. Whoever starts it ends it.
 */
export async function ownProject(): Promise<Stack & { end: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-own-'))
  const shared = process.env.TIDEMARK_STACK
  const stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
  })
  process.env.TIDEMARK_STACK = join(stack.dataDir, 'stack.json')
  return {
    ...stack,
    async end() {
      process.env.TIDEMARK_STACK = shared
      await stack.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * Number and checksum of the rows of each table of these schemas, as a superuser sees them. It takes the
 * tables of the moment it was made.
 */
export async function digestOf(
  superuser: Sql,
  schemas: string[] = ['public', 'tidemark', 'auth', 'storage'],
): Promise<() => Promise<Record<string, string>>> {
  const tables = await superuser<{ name: string; relation: string }[]>`
    select format('%s.%s', n.nspname, c.relname) as name, c.oid::regclass::text as relation
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ${superuser(schemas)}
    order by 1`
  const query = tables
    .map(
      ({ name, relation }) =>
        `select '${name}' as name, (select count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)), 0) from ${relation} t) as digest`,
    )
    .join(' union all ')
  return async () => {
    const rows = await superuser.unsafe<{ name: string; digest: string }[]>(query)
    return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]))
  }
}
