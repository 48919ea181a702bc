import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import { StackError } from './errors.ts'
import { splitStatements } from './statements.ts'

export interface Migrated {
  applied: string[]
  /** Applied earlier, and edited or taken away since. */
  changed: string[]
}

/** Brings the database to the state of a folder of migrations, and keeps the Supabase CLI's own record of it. */
export async function migrate(dbUrl: string, folder: string): Promise<Migrated> {
  const files = (await readdir(folder).catch(() => []))
    .filter((name) => /^\d+_.*\.sql$/.test(name))
    .sort()
  const sql = connect(dbUrl)
  try {
    await sql.unsafe(`
      create schema if not exists supabase_migrations;
      create table if not exists supabase_migrations.schema_migrations (
        version text not null primary key, statements text[], name text
      );
      create table if not exists supabase_migrations.seed_files (path text not null primary key, hash text not null);
    `)
    const rows = await sql<{ version: string; statements: string[] | null }[]>`
      select version, statements from supabase_migrations.schema_migrations`
    const recorded = new Map(rows.map((row) => [row.version, row.statements]))
    const result: Migrated = { applied: [], changed: [] }
    for (const file of files) {
      const statements = splitStatements(await readFile(join(folder, file), 'utf8'))
      const [, version = '', name = ''] = /^(\d+)_(.*)\.sql$/.exec(file)!
      const texts = statements.map(({ text }) => text)
      const before = recorded.get(version)
      if (before === undefined) {
        await sql.begin(async (transaction) => {
          await runStatements(transaction, statements, file)
          await transaction`
            insert into supabase_migrations.schema_migrations (version, statements, name)
            values (${version}, ${texts}, ${name})`
        })
        result.applied.push(file)
      } else if (!same(before, texts)) result.changed.push(file)
    }
    const versions = new Set(files.map((file) => file.split('_')[0]!))
    result.changed.push(...[...recorded.keys()].filter((version) => !versions.has(version)))
    return result
  } finally {
    await sql.end()
  }
}

/** The Supabase CLI records a migration with its comments, and older ones of it record no statements. */
function same(recorded: string[] | null, statements: string[]): boolean {
  if (recorded === null) return true
  const before = splitStatements(recorded.join('\n;\n')).map(({ text }) => text)
  return JSON.stringify(before) === JSON.stringify(statements)
}

/** Applies a file that is no migration once. */
export async function applyOnce(
  dbUrl: string,
  file: string,
  name: string,
): Promise<'applied' | 'known' | 'changed'> {
  const content = await readFile(file, 'utf8').catch(() => {
    throw new StackError(`there is no ${file}`)
  })
  const hash = createHash('sha256').update(content).digest('hex')
  const sql = connect(dbUrl)
  try {
    const [known] = await sql<{ hash: string }[]>`
      select hash from supabase_migrations.seed_files where path = ${name}`
    if (known) return known.hash === hash ? 'known' : 'changed'
    await sql.begin(async (transaction) => {
      await runStatements(transaction, splitStatements(content), basename(file))
      await transaction`insert into supabase_migrations.seed_files (path, hash) values (${name}, ${hash})`
    })
    return 'applied'
  } finally {
    await sql.end()
  }
}

async function runStatements(
  sql: TransactionSql,
  statements: { text: string; line: number }[],
  file: string,
) {
  for (const { text, line } of statements) {
    try {
      await sql.unsafe(text)
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error
      const at =
        line + (error.position ? text.slice(0, Number(error.position)).split('\n').length - 1 : 0)
      const more = [error.detail, error.hint && `hint: ${error.hint}`, error.where].filter(Boolean)
      throw new StackError(
        [`${file}:${at}: ${error.message} (${error.code})`, ...more].join('\n  '),
        { cause: error },
      )
    }
  }
}

function connect(dbUrl: string): Sql {
  return postgres(dbUrl, { max: 1, onnotice: () => {} })
}
