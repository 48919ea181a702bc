import type { ChildProcess } from 'node:child_process'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bootstrap } from './bootstrap.ts'
import { StackError } from './errors.ts'
import { startFunctions, stopFunctions } from './functions.ts'
import { startGateway } from './gateway.ts'
import { loadKeys } from './keys.ts'
import { applyOnce, migrate } from './migrate.ts'
import { freePort, requireFreePort } from './ports.ts'
import { startPostgres } from './postgres.ts'
import { guard, isRunning, stopProcess } from './processes.ts'
import { databaseUrl } from './urls.ts'

export interface StackOptions {
  port: number
  dbPort: number
  dataDir: string
  /** Starts over with an empty data folder. */
  fresh?: boolean
  /** Serve supabase/functions, yes by default. */
  functions?: boolean
  /** examples/<name>/schema.sql is applied after the migrations. */
  example?: string | undefined
  migrationsDir?: string
  functionsDir?: string
  /** Gets one line per step and what the functions print. Silent by default. */
  log?: (line: string) => void
}

/** What stack.json holds: all that a client needs. */
export interface StackInfo {
  api_url: string
  functions_url: string
  db_url: string
  publishable_key: string
  secret_key: string
}

export interface Stack {
  info: StackInfo
  dataDir: string
  /** Resolves with the name of a part that ended by itself. */
  broken: Promise<string>
  stop(): Promise<void>
}

const project = fileURLToPath(new URL('..', import.meta.url))

export async function startStack(options: StackOptions): Promise<Stack> {
  const { port, dbPort, log = () => {} } = options
  const dataDir = resolve(options.dataDir)
  const files = {
    info: join(dataDir, 'stack.json'),
    private: join(dataDir, 'private.json'),
    lock: join(dataDir, 'stack.pid'),
  }
  const functionsDir = options.functionsDir ?? join(project, 'supabase', 'functions')
  const cleanUp: (() => Promise<unknown>)[] = []
  let stopping: Promise<void> | undefined
  const stop = () => (stopping ??= stopAll(cleanUp))
  const { promise: broken, resolve: breakDown } = Promise.withResolvers<string>()
  const watch = (child: ChildProcess, name: string) =>
    child.once('exit', (code, signal) => {
      if (!stopping) breakDown(`${name} ended by itself (${signal ?? `code ${code}`})`)
    })
  const step = stepper(log)

  try {
    await requireIdle(files.lock, dataDir)
    await requireFreePort(port, 'TIDEMARK_PORT')
    if (options.fresh) await clear(dataDir)
    await mkdir(dataDir, { recursive: true })
    await writeFile(files.lock, String(process.pid))
    cleanUp.push(() => Promise.all(Object.values(files).map((file) => rm(file, { force: true }))))
    await rm(files.info, { force: true })

    const keys = await loadKeys(dataDir)
    const server = await step('Postgres', async () => {
      const started = await startPostgres({
        dataDir,
        port: dbPort,
        password: keys.internalPassword,
      })
      const keeper = guard(started.process)
      cleanUp.push(async () => {
        await stopProcess(started.process)
        keeper.kill('SIGKILL')
      })
      watch(started.process, 'Postgres')
      return started
    })
    if (server.created) await step('a new project', () => bootstrap(dbPort, keys.internalPassword))

    const info: StackInfo = {
      api_url: `http://127.0.0.1:${port}`,
      functions_url: `http://127.0.0.1:${port}/functions/v1`,
      db_url: databaseUrl(dbPort, 'postgres', 'postgres'),
      publishable_key: keys.publishable,
      secret_key: keys.secret,
    }
    const functionsPort = options.functions === false ? undefined : await freePort()
    const functions = functionsPort && startFunctionsEarly(functionsPort)
    function startFunctionsEarly(port: number) {
      const started = startFunctions({
        folder: functionsDir,
        port,
        keys,
        apiUrl: info.api_url,
        dbUrl: info.db_url,
        log,
      })
      started.catch(() => {})
      cleanUp.push(() => started.then(stopFunctions, () => {}))
      return started
    }

    await step('migrations', async () => {
      const { applied, changed } = await migrate(
        info.db_url,
        options.migrationsDir ?? join(project, 'supabase', 'migrations'),
      )
      for (const file of changed) {
        log(
          `  ! ${file} was edited after it was applied. The database has the old one: start with --fresh`,
        )
      }
      return applied.length > 0 ? `${applied.length} applied` : 'up to date'
    })
    if (options.example) {
      const name = `examples/${options.example}/schema.sql`
      await step(name, async () => {
        const state = await applyOnce(info.db_url, join(project, name), name)
        if (state === 'changed')
          log(`  ! ${name} was edited after it was applied: start with --fresh`)
        return state
      })
    }
    await step('API', async () => {
      const gateway = await startGateway({ port, dbPort, functionsPort, keys })
      cleanUp.push(() => gateway.stop())
    })
    if (functions) watch(await step('functions', () => functions), 'Deno')

    await writeFile(
      files.private,
      JSON.stringify(
        {
          admin_db_url: databaseUrl(dbPort, 'supabase_admin', keys.internalPassword),
          jwt_secret: keys.jwtSecret,
        },
        null,
        2,
      ),
      { mode: 0o600 },
    )
    await writeFile(files.info, JSON.stringify(info, null, 2), { mode: 0o600 })
    return { info, dataDir, broken, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** In the opposite order of starting. */
async function stopAll(cleanUp: (() => Promise<unknown>)[]): Promise<void> {
  for (const undo of cleanUp.splice(0).toReversed()) await undo()
}

async function requireIdle(lock: string, dataDir: string): Promise<void> {
  const pid = Number(await readFile(lock, 'utf8').catch(() => ''))
  if (pid && pid !== process.pid && (await isRunning(pid, 'node'))) {
    throw new StackError(
      `another stack (process ${pid}) uses ${dataDir}. Stop it, or choose another folder with TIDEMARK_DATA=<folder>`,
    )
  }
}

/** Deletes nothing but a folder that a stack has made. */
async function clear(dataDir: string): Promise<void> {
  const known = await stat(join(dataDir, 'keys.json')).then(
    () => true,
    () => false,
  )
  const there = await stat(dataDir).then(
    () => true,
    () => false,
  )
  if (!there) return
  if (!known)
    throw new StackError(
      `${dataDir} does not look like a data folder of this stack: delete it by hand`,
    )
  await rm(dataDir, { recursive: true, force: true })
}

function stepper(log: (line: string) => void) {
  return async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    const start = performance.now()
    const result = await run()
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    log(`  ${name.padEnd(28)} ${seconds} s${typeof result === 'string' ? `  ${result}` : ''}`)
    return result
  }
}
