import { spawn, type ChildProcess } from 'node:child_process'
import { chown, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import postgres from 'postgres'
import { postgresFolder, reachableCopy } from './binaries.ts'
import { StackError } from './errors.ts'
import { requireFreePort } from './ports.ts'
import { isRunning, stopProcess } from './processes.ts'
import { canReach, postgresUser, type RunAs } from './user.ts'

export interface Postgres {
  process: ChildProcess
  /** True when the data folder was made by this start. */
  created: boolean
}

export interface PostgresOptions {
  dataDir: string
  port: number
  /** Of supabase_admin, the superuser. */
  password: string
}

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  wal_level: 'logical',
  max_connections: '200',
  shared_buffers: '256MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  shared_preload_libraries: 'pg_stat_statements',
  // A commit waits until the operating system has it, so that a server that is killed forgets none that a
  // device was told of; not until the disk has it, which a development database is not worth.
  synchronous_commit: 'on',
  fsync: 'off',
  max_wal_size: '2GB',
  log_min_messages: 'warning',
  log_line_prefix: '%m %u@%d ',
}

export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  await stopOrphan(join(options.dataDir, 'postgres'))
  await requireFreePort(options.port, 'TIDEMARK_DB_PORT')
  return launch(options, { initialise: true })
}

/**
 * Starts a server again that has died. Its lock file stays: by it Postgres knows whether a process of the
 * dead server still works on the data, and refuses to start until that has ended.
 */
export async function restartPostgres(options: PostgresOptions): Promise<ChildProcess> {
  const deadline = Date.now() + 20_000
  for (;;) {
    try {
      return (await launch(options, { initialise: false })).process
    } catch (error) {
      if (Date.now() > deadline) throw error
      await setTimeout(100)
    }
  }
}

async function launch(
  { dataDir, port, password }: PostgresOptions,
  may: { initialise: boolean },
): Promise<Postgres> {
  const data = join(dataDir, 'postgres')
  const runAs = await postgresUser(data)
  let server = await postgresFolder()
  if (runAs.uid !== undefined && !(await canReach(server))) server = await reachableCopy(server)

  const created = may.initialise && !(await stat(join(data, 'PG_VERSION')).catch(() => undefined))
  if (created) await initialise(data, server, runAs, password)

  const log = await open(join(dataDir, 'postgres.log'), 'a')
  const args = ['-D', data, '-p', String(port)]
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
  const child = run(join(server, 'bin', 'postgres'), args, runAs, log.fd)
  await log.close()
  await ready(child, port, password, join(dataDir, 'postgres.log'))
  return { process: child, created }
}

async function initialise(data: string, server: string, runAs: RunAs, password: string) {
  await rm(data, { recursive: true, force: true })
  await mkdir(data, { recursive: true, mode: 0o700 })
  if (runAs.uid !== undefined) await chown(data, runAs.uid, runAs.gid!)
  const passwordFile = `${data}.password`
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (runAs.uid !== undefined) await chown(passwordFile, runAs.uid, runAs.gid!)
  const args = [
    '-D',
    data,
    '--username=supabase_admin',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
  ]
  args.push('--encoding=UTF8', '--locale=C.UTF-8', '--no-sync', '--no-instructions')
  const child = run(join(server, 'bin', 'initdb'), args, runAs)
  let output = ''
  child.stdout!.on('data', (text) => (output += text))
  child.stderr!.on('data', (text) => (output += text))
  const code = await new Promise((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  )
  await rm(passwordFile)
  if (code === 0) return
  await rm(data, { recursive: true, force: true })
  throw new StackError(`initdb failed:\n${output}`)
}

/** In a process group of its own: Ctrl-C reaches the stack only, which then stops its parts in order. */
function run(program: string, args: string[], runAs: RunAs, output?: number): ChildProcess {
  const { uid, gid, wrapper } = runAs
  const [command, ...rest] = [...wrapper, program, ...args]
  const stdio = output === undefined ? ('pipe' as const) : (['ignore', output, output] as const)
  const user = wrapper.length === 0 && uid !== undefined ? { uid, gid: gid! } : {}
  return spawn(command!, rest, {
    stdio: stdio as 'pipe',
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', PGTZ: 'UTC' },
    ...user,
  })
}

async function ready(
  child: ChildProcess,
  port: number,
  password: string,
  log: string,
): Promise<void> {
  const deadline = Date.now() + 30_000
  let ended: string | undefined
  child.once('error', (error) => (ended = error.message))
  child.once('exit', (code) => (ended = `it ended with code ${code}`))
  while (!ended && Date.now() < deadline) {
    const sql = postgres({
      host: '127.0.0.1',
      port,
      user: 'supabase_admin',
      password,
      database: 'postgres',
      max: 1,
    })
    try {
      await sql`select 1`
      return
    } catch {
      await setTimeout(25)
    } finally {
      await sql.end({ timeout: 0 })
    }
  }
  if (!ended) await stopProcess(child, 'SIGINT')
  const tail = (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-5).join('\n')
  throw new StackError(
    `Postgres did not start: ${ended ?? 'no answer within 30 s'}\n${tail}\n(${log})`,
  )
}

/** A stack that was killed leaves its server, or at least the server's lock file. */
async function stopOrphan(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid')
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0])
  if (!pid) return
  if (await isRunning(pid, data)) {
    process.kill(pid, 'SIGINT')
    for (let i = 0; i < 400 && (await isRunning(pid, data)); i++) {
      await setTimeout(25)
    }
  }
  await rm(file, { force: true })
}
