import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { defineCommand } from 'citty'
import { databaseUrl } from './database.ts'
import { CliError } from './errors.ts'
import { bad, createOutput, good } from './output.ts'
import { findProject } from './project.ts'
import { type Difference, differences, rowTypesOf } from './row-types.ts'

export const types = defineCommand({
  meta: {
    name: 'types',
    description: 'Compares the row types of a generated file with the database.',
  },
  args: {
    file: {
      type: 'positional',
      description: 'what `supabase gen types` has made, e.g. database.types.ts',
      required: true,
    },
    'db-url': { type: 'string', description: 'the database' },
    dir: {
      type: 'string',
      description: 'the project, by default the one around the current folder',
    },
    json: { type: 'boolean', description: 'print the result as json' },
  },
  async run({ args }) {
    const out = createOutput(args.json ?? false)
    const source = await readFile(args.file, 'utf8').catch(() => {
      throw new CliError('no_file', `there is no ${args.file}`)
    })
    const file = rowTypesOf(source)
    if (file.size === 0)
      throw new CliError(
        'bad_file',
        `${args.file} has no row types: make it with npx supabase gen types --local > ${args.file}`,
      )
    const url = await databaseUrl(args['db-url'], args['db-url'] ? '.' : findProject(args.dir).root)
    const found = differences(file, rowTypesOf(await generated(url)))
    for (const one of found) out.line(`${bad('✗')} ${told(one)}`)
    if (found.length === 0) out.line(`${good('✓')} ${file.size} row types are as in the database`)
    else out.line('\nMake the file again with npx supabase gen types.')
    out.result({ tables: file.size, differences: found })
    if (found.length > 0) process.exitCode = 1
  },
})

function told({ table, column, file, database }: Difference): string {
  if (column === undefined) return `${table}: the database has no such table`
  if (file === undefined) return `${table}.${column}: ${database}, missing in the file`
  if (database === undefined) return `${table}.${column}: the database has no such column`
  return `${table}.${column}: ${database}, and ${file} in the file`
}

/** What the Supabase CLI makes of the database now. */
async function generated(url: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('npx', [
      'supabase',
      'gen',
      'types',
      `--remote=${url}`,
    ])
    return stdout
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string }
    throw new CliError(
      'supabase_failed',
      `npx supabase gen types failed: ${(stderr || message).trim()}. Is it installed (npm install --save-dev supabase), and the database there?`,
      2,
    )
  }
}
