import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../../dev/ports.ts'
import { guard, stopProcess } from '../../dev/processes.ts'
import { adminUrl, connect, jwtSecret } from '../../dev/testing.ts'
import type { Bench } from '../subject.ts'

/** Its package, installed on its own: tsc does not look into it. */
export const zeroFolder = join(import.meta.dirname, '..', 'zero')

/** Zero has a package of its own. Resolves to why it is not there, if so. */
export async function installZero({
  progress,
}: Pick<Bench, 'progress'>): Promise<string | undefined> {
  if (existsSync(join(zeroFolder, 'node_modules', '@rocicorp', 'zero'))) return undefined
  progress('installing Zero into bench/zero, once')
  try {
    await promisify(execFile)('npm', ['ci', '--prefix', zeroFolder, '--no-audit', '--no-fund'])
    return undefined
  } catch (error) {
    const why = (error as Error).message.trim().split('\n').at(-1)!
    progress(`Zero is left out: ${why}`)
    return 'it could not be installed'
  }
}

/**
 * Zero-cache and a small app server, as processes beside the stack, on its Postgres.
 *
 * @param tables those of `public` that it replicates; they have to be there
 * @param env more for the app server
 * @param quiet not to print what the app server logs, for where its errors are part of the play
 * @param reach where zero-cache finds the app server that listens at a port
 */
export async function startZero({
  tables,
  env = {},
  quiet = false,
  reach = async (port) => `http://127.0.0.1:${port}`,
}: {
  tables: readonly string[]
  env?: Record<string, string>
  quiet?: boolean
  reach?(port: number): Promise<string>
}): Promise<{ cacheURL: string; stop(): Promise<void> }> {
  const admin = connect('supabase_admin', { max: 1 })
  const names = tables.map((name) => `public.${name}`).join(', ')
  await admin.unsafe(`create publication zero_bench for table ${names}`)
  await admin.end()
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-zero-'))
  const [app, cache] = [await freePort(), await freePort()]
  const served = {
    PORT: String(app),
    DATABASE: adminUrl(),
    JWT_SECRET: jwtSecret(),
    ...env,
  }
  const server = run(join(zeroFolder, 'server.js'), served, quiet ? 'ignore' : 'inherit')
  const appURL = await reach(app)
  const entry = 'node_modules/@rocicorp/zero/out/zero/src/cli.js'
  const daemon = run(join(zeroFolder, entry), {
    HOME: folder,
    ZERO_UPSTREAM_DB: adminUrl(),
    ZERO_REPLICA_FILE: join(folder, 'replica.db'),
    ZERO_APP_PUBLICATIONS: 'zero_bench',
    ZERO_MUTATE_URL: `${appURL}/mutate`,
    ZERO_QUERY_URL: `${appURL}/query`,
    ZERO_PORT: String(cache),
    ZERO_NUM_SYNC_WORKERS: '1',
    ZERO_ADMIN_PASSWORD: 'bench',
    ZERO_LOG_LEVEL: 'error',
    ZERO_ENABLE_TELEMETRY: 'false',
    DO_NOT_TRACK: '1',
  })
  const cacheURL = `http://127.0.0.1:${cache}`
  const stop = async () => {
    for (const { child, keeper } of [daemon, server]) {
      await stopProcess(child, 'SIGTERM')
      keeper.kill('SIGKILL')
    }
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await answers(`${cacheURL}/keepalive`, daemon.child)
  } catch (error) {
    await stop()
    throw error
  }
  return { cacheURL, stop }
}

function run(
  script: string,
  env: Record<string, string>,
  errors: 'ignore' | 'inherit' = 'inherit',
) {
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'ignore', errors],
    env: { PATH: process.env.PATH, ...env },
  })
  return { child, keeper: guard(child) }
}

/** Waits until a server answers, which zero-cache does once it has copied the tables. */
async function answers(url: string, child: ChildProcess): Promise<void> {
  for (const late = Date.now() + 60_000; Date.now() < late; await pause(50)) {
    if (child.exitCode !== null) throw new Error(`zero-cache ended with code ${child.exitCode}`)
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return
  }
  throw new Error('zero-cache did not answer within 60 s')
}
