import { readFile } from 'node:fs/promises'
import { defineCommand } from 'citty'
import { z } from 'zod'
import { databaseUrl, openDatabase } from './database.ts'
import { CliError } from './errors.ts'
import { bad, createOutput, good } from './output.ts'
import { findProject } from './project.ts'

/** One checksum a scope and table: what `sync_verify` answers. */
const Checksums = z.array(
  z.object({
    scope: z.string(),
    table: z.string(),
    count: z.coerce.number(),
    checksum: z.coerce.string(),
  }),
)
type Checksum = z.infer<typeof Checksums>[number]

/** What a device prints: all of `await verify(sync)`, or its checksums alone. */
const Printed = z.union([Checksums, z.object({ checksums: Checksums })])

export const verify = defineCommand({
  meta: {
    name: 'verify',
    description:
      'Compares what a device holds, as verify(sync) of tidemark/maintenance found it, with the database.',
  },
  args: {
    file: {
      type: 'positional',
      description:
        'what `await verify(sync, { heal: false })` of tidemark/maintenance resolves to there, as json',
      required: true,
    },
    user: { type: 'string', description: "the device's user: an id of auth.users", required: true },
    'db-url': { type: 'string', description: 'the database' },
    dir: {
      type: 'string',
      description: 'the project, by default the one around the current folder',
    },
    json: { type: 'boolean', description: 'print the result as json' },
  },
  async run({ args }) {
    const out = createOutput(args.json ?? false)
    const device = await readChecksums(args.file)
    const url = await databaseUrl(args['db-url'], args['db-url'] ? '.' : findProject(args.dir).root)
    const server = await checksumsOf(url, args.user, [...new Set(device.map(({ table }) => table))])
    const keys = [...new Set([...device, ...server].map(keyOf))].sort()
    const compared = keys.map((key) => {
      const [here, there] = [device, server].map((list) => list.find((c) => keyOf(c) === key))
      return {
        scope: (here ?? there)!.scope,
        table: (here ?? there)!.table,
        device: here?.count ?? 0,
        database: there?.count ?? 0,
        same:
          (here ?? none).checksum === (there ?? none).checksum &&
          (here ?? none).count === (there ?? none).count,
      }
    })
    for (const { scope, table, same, device: here, database } of compared)
      out.line(
        same
          ? `${good('✓')} ${table} in ${scope}: ${here} rows`
          : `${bad('✗')} ${table} in ${scope}: ${here} rows on the device, ${database} in the database, or other content`,
      )
    out.result({ tables: compared, same: compared.every(({ same }) => same) })
    if (compared.some(({ same }) => !same)) {
      out.line(
        '\nverify(sync) on the device fetches what differs; pending edits there count as differences.',
      )
      process.exitCode = 1
    }
  },
})

const none = { count: 0, checksum: '0' }

const keyOf = ({ scope, table }: Checksum): string => `${table}\n${scope}`

async function readChecksums(file: string): Promise<Checksum[]> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CliError('no_file', `there is no ${file}`)
  })
  try {
    const printed = Printed.parse(JSON.parse(text))
    return Array.isArray(printed) ? printed : printed.checksums
  } catch {
    throw new CliError(
      'bad_file',
      `${file} has no list of {scope, table, count, checksum}: write down what verify(sync) of tidemark/maintenance resolves to`,
    )
  }
}

/** Asks as that user, and changes nothing. */
async function checksumsOf(url: string, user: string, tables: string[]): Promise<Checksum[]> {
  const sql = await openDatabase(url)
  try {
    return await sql.begin('read only', async (tx) => {
      await tx`
        select set_config('request.jwt.claims', ${JSON.stringify({ sub: user, role: 'authenticated' })}, true),
          set_config('role', 'authenticated', true)`
      const [row] = await tx<{ answer: unknown }[]>`select public.sync_verify(${tables}) as answer`
      return Checksums.parse(row!.answer)
    })
  } finally {
    await sql.end({ timeout: 1 })
  }
}
