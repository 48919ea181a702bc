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

/** A database with Tidemark and the app, that nobody is connected to: where the others are copied from. */
export interface Template {
  name: string
  copy(): Promise<Database>
  drop(): Promise<void>
}

/**
 * Makes databases on a running server. Histories get one of their own because `tidemark.purge` and
 * what is broken on purpose concern all of it. `broken` is SQL that runs last.
 */
export async function createTemplate(
  serverUrl: string,
  { migrations = ownMigrations, broken = '' }: { migrations?: string; broken?: string } = {},
): Promise<Template> {
  const server = open(serverUrl)
  const template = `fuzz_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  await server.unsafe(`create database ${template}`)
  const url = on(serverUrl, template)
  const owner = open(url)
  await owner.unsafe(await file('project.sql'))
  await migrate(url, migrations)
  await owner.unsafe(await file('schema.sql'))
  await owner.unsafe(broken)
  await owner.end()

  let copies = 0
  return {
    name: template,
    async copy() {
      const name = `${template}_${++copies}`
      await server.unsafe(`create database ${name} template ${template}`)
      const connections = Array.from({ length: 4 }, () =>
        open(on(serverUrl, name), { lock_timeout: LOCK_TIMEOUT, ...cheap }),
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
        },
      }
    },
    async drop() {
      await server.unsafe(`drop database ${template} with (force)`)
      await server.end()
    },
  }
}

/** The same server's address of another database. */
export function on(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}

/** One connection. */
export function open(url: string, connection: postgres.ConnectionParameters | {} = {}): Sql {
  return postgres(url, { max: 1, onnotice: () => {}, connection })
}

function file(name: string): Promise<string> {
  return readFile(new URL(name, import.meta.url), 'utf8')
}
