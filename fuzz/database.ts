import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import postgres, { type Sql } from 'postgres'
import { migrate } from '../dev/migrate.ts'
import { Lane } from './lane.ts'

/** How long a statement waits for a row that another transaction holds, in milliseconds. */
const LOCK_TIMEOUT = 20

/** Thousands of small statements: neither compiling them nor planning them anew pays. */
const cheap = { jit: 'off', plan_cache_mode: 'force_generic_plan' }

const ownMigrations = fileURLToPath(new URL('../supabase/migrations', import.meta.url))

/** A database with Tidemark and the app of schema.sql, for one history at a time. */
export interface Database {
  /** Where nearly everything happens. */
  main: Lane
  /** A second connection, for two calls at once. */
  twin: Lane
  /** Connections for transactions that stay open. */
  slots: [Lane, Lane]
  drop(): Promise<void>
}

/**
 * Makes a database on a running server. Histories get one of their own because `tidemark.purge` and
 * what is broken on purpose concern all of it. `broken` is SQL that runs last.
 */
export async function createDatabase(
  serverUrl: string,
  { migrations = ownMigrations, broken = '' }: { migrations?: string; broken?: string } = {},
): Promise<Database> {
  const name = `fuzz_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  const server = open(serverUrl)
  await server.unsafe(`create database ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`

  const owner = open(url.href)
  await owner.unsafe(await file('project.sql'))
  await migrate(url.href, migrations)
  await owner.unsafe(await file('schema.sql'))
  await owner.unsafe(broken)
  await owner.end()

  const connections = Array.from({ length: 4 }, () =>
    open(url.href, { lock_timeout: LOCK_TIMEOUT, ...cheap }),
  )
  const [main, twin, first, second] = connections.map((sql) => new Lane(sql)) as [
    Lane,
    Lane,
    Lane,
    Lane,
  ]
  return {
    main,
    twin,
    slots: [first, second],
    async drop() {
      await Promise.all(connections.map((sql) => sql.end({ timeout: 1 })))
      await server.unsafe(`drop database ${name} with (force)`)
      await server.end()
    },
  }
}

function open(url: string, connection: postgres.ConnectionParameters | {} = {}): Sql {
  return postgres(url, { max: 1, onnotice: () => {}, connection })
}

function file(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), 'utf8')
}
