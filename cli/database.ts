import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { CliError } from './errors.ts'

/** The database to look at: the one named, else that of a running local stack, else `supabase start`'s. */
export async function databaseUrl(given: string | undefined, root: string): Promise<string> {
  if (given) return given
  const stack = await readFile(join(root, '.tidemark', 'stack.json'), 'utf8').catch(() => undefined)
  if (stack) return (JSON.parse(stack) as { db_url: string }).db_url
  return process.env.SUPABASE_DB_URL ?? 'postgresql://postgres:postgres@127.0.0.1:54322/postgres'
}

/** Connects, or says in words why not. */
export async function openDatabase(url: string): Promise<Sql> {
  const sql = postgres(url, { max: 2, onnotice: () => {}, connect_timeout: 5 })
  try {
    await sql`select 1`
    return sql
  } catch (error) {
    await sql.end({ timeout: 1 })
    const reason =
      error instanceof Error
        ? error.message || String((error as { code?: string }).code)
        : String(error)
    const { host } = new URL(url)
    throw new CliError(
      'no_database',
      `no database at ${host}: ${reason}. Start one (npx tidemark dev, npx supabase start), or name it with --db-url`,
      2,
    )
  }
}
