import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineCommand } from 'citty'
import { askText, askWhich, canAsk } from './ask.ts'
import { CliError } from './errors.ts'
import { createOutput, dim, good, strong } from './output.ts'
import { findProject } from './project.ts'

const POLICIES = [
  { value: 'last_write_wins', hint: 'the later edit of a column, by corrected clocks' },
  { value: 'merge', hint: 'like it, but lists are united, and objects merged key by key' },
  { value: 'client_wins', hint: 'what a device sends replaces what is there' },
  { value: 'server_wins', hint: 'what is there stays' },
  { value: 'keep_both', hint: 'the loser becomes a second row' },
  { value: 'manual', hint: 'somebody decides, in the app' },
]

export const add = defineCommand({
  meta: { name: 'add', description: 'Writes a migration that makes a table syncable.' },
  args: {
    table: {
      type: 'positional',
      description: 'the table, e.g. notes or public.notes',
      required: true,
    },
    scope: {
      type: 'string',
      description: 'who shares a row: user:<column>, <kind>:<column> or public',
    },
    conflict: { type: 'string', description: 'what happens to two edits of one column' },
    columns: {
      type: 'string',
      description: 'rules for single columns, as json: {"tags": "union"}',
    },
    dir: {
      type: 'string',
      description: 'the project, by default the one around the current folder',
    },
    json: { type: 'boolean', description: 'print the result as json; asks nothing' },
  },
  async run({ args }) {
    const out = createOutput(args.json ?? false)
    const project = findProject(args.dir)
    const table = tableName(args.table)
    const asking = !out.json && canAsk()
    const scope =
      args.scope ??
      (asking
        ? await askText(
            'Who shares a row? user:<column>, <kind>:<column>, or public',
            'user:user_id',
          )
        : 'user:user_id')
    const conflict =
      args.conflict ??
      (asking
        ? await askWhich('When two devices change the same column of a row?', POLICIES)
        : 'last_write_wins')
    if (!/^(public|[a-z][a-z0-9_]*:.+)$/.test(scope))
      throw new CliError(
        'bad_argument',
        `"${scope}" is no scope: write user:<column>, <kind>:<column>, or public`,
      )
    if (!POLICIES.some(({ value }) => value === conflict) && !conflict.startsWith('function:'))
      throw new CliError(
        'bad_argument',
        `"${conflict}" is no conflict policy: ${POLICIES.map(({ value }) => value).join(', ')}, function:<schema.name>`,
      )
    const columns = args.columns === undefined ? undefined : objectText(args.columns)

    const folder = join(project.supabase, 'migrations')
    const name = `${await nextVersion(folder)}_sync_${table.replaceAll(/[^a-z0-9]+/gi, '_')}.sql`
    await writeFile(join(folder, name), statement(table, scope, conflict, columns), { flag: 'wx' })
    const path = `supabase/migrations/${name}`
    out.line(`${good('✓')} ${path}`)
    out.line(dim(statement(table, scope, conflict, columns).trim()))
    out.line()
    out.line(
      `Next: ${strong('npx supabase db push')} (${strong('--remote')} for the linked project). It says so where the table is not fit to sync.`,
    )
    out.result({
      path,
      table,
      scope,
      conflict,
      ...(columns && { columns: JSON.parse(columns) as unknown }),
    })
  },
})

function tableName(given: string): string {
  const table = given.includes('.') ? given : `public.${given}`
  if (
    !/^[a-z_][\w$]*\.[a-z_][\w$]*$/.test(table) &&
    !/^("[^"]+"|[a-z_][\w$]*)\.("[^"]+"|[a-z_][\w$]*)$/.test(table)
  )
    throw new CliError('bad_argument', `"${given}" is no table name: write notes, or schema.notes`)
  return table
}

function objectText(text: string): string {
  try {
    const rules: unknown = JSON.parse(text)
    if (rules && typeof rules === 'object' && !Array.isArray(rules)) return JSON.stringify(rules)
  } catch {
    // said below
  }
  throw new CliError('bad_argument', `--columns takes a json object such as '{"tags": "union"}'`)
}

function statement(table: string, scope: string, conflict: string, columns?: string): string {
  const args = [table, scope, ...(conflict === 'last_write_wins' && !columns ? [] : [conflict])]
  if (columns) args.push(columns)
  return `select tidemark.add_table(${args.map((arg) => `'${arg.replaceAll("'", "''")}'`).join(', ')});\n`
}

/** The time, as Supabase names migrations, and later than every migration there is. */
async function nextVersion(folder: string): Promise<string> {
  const now = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const versions = (await readdir(folder).catch(() => [])).flatMap(
    (name) => /^(\d+)_.*\.sql$/.exec(name)?.[1] ?? [],
  )
  const last = versions.sort().at(-1)?.padEnd(14, '0') ?? '0'
  return now > last ? now : String(BigInt(last) + 1n)
}
