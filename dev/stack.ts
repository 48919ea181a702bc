import type { ChildProcess } from 'node:child_process'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { bootstrap } from './bootstrap.ts'
import { StackError } from './errors.ts'
import { spawnFunctions } from './functions/process.ts'
import { forkGateway } from './gateway/process.ts'
import type { GatewayOptions } from './gateway/options.ts'
import { loadKeys } from './keys.ts'
import { applyOnce, migrate } from './migrate.ts'
import { freePort, requireFreePort } from './ports.ts'
import { pageDir } from './page.ts'
import { restartPostgres, startPostgres } from './postgres.ts'
import { guard, isRunning, stopProcess } from './processes.ts'
import { root } from './root.ts'
import type { StackInfo, StackSecrets } from './stack-info.ts'
import { databaseUrl } from './urls.ts'

export type { StackInfo, StackSecrets } from './stack-info.ts'

export interface StackOptions {
  port: number
  dbPort: number
  dataDir: string
  /** Starts over with an empty data folder. */
  fresh?: boolean
  /** Serve supabase/functions, yes by default; 'watch' loads them again when a file changes. */
  functions?: boolean | 'watch'
  /** Serve the playground at the API's address, if it is built. */
  page?: boolean
  /** examples/<name>/schema.sql is applied after the migrations. */
  example?: string | undefined
  migrationsDir?: string
  functionsDir?: string
  /** Ports on which V8's inspector looks into these parts, for whoever measures them. */
  inspect?: { functions: number; gateway: number }
  /** Gets one line per step, and what the functions print. Silent by default. */
  log?: (line: string) => void
}

export type PartName = 'Postgres' | 'Deno' | 'the gateway'

export interface Stack {
  info: StackInfo
  dataDir: string
  /** The process of a part, while it runs: another one after it was started again. */
  pid(part: PartName): number | undefined
  /** Resolves with what happened when a part ends by itself and cannot be started again. */
  broken: Promise<string>
  stop(): Promise<void>
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const { port, dbPort, example, log = () => {} } = options
  const dataDir = resolve(options.dataDir)
  const functionsDir = options.functionsDir ?? join(root, 'supabase', 'functions')
  const migrationsDir = options.migrationsDir ?? join(root, 'supabase', 'migrations')
  const step = stepper(log)
  const parts = new Parts(log)

  try {
    await takeFolder(dataDir, options.fresh ?? false, parts)
    await requireFreePort(port, 'TIDEMARK_PORT')
    const keys = await loadKeys(dataDir)
    const info: StackInfo = {
      api_url: `http://127.0.0.1:${port}`,
      functions_url: `http://127.0.0.1:${port}/functions/v1`,
      db_url: databaseUrl(dbPort, 'postgres', 'postgres'),
      publishable_key: keys.publishable,
      secret_key: keys.secret,
    }
    const secrets: StackSecrets = {
      admin_db_url: databaseUrl(dbPort, 'supabase_admin', keys.internalPassword),
      jwt_secret: keys.jwtSecret,
    }

    const place = { dataDir, port: dbPort, password: keys.internalPassword }
    const server = await step('Postgres', () => startPostgres(place))
    parts.add('Postgres', server.process, () => restartPostgres(place))
    if (server.created) await step('new project', () => bootstrap(dbPort, keys.internalPassword))

    // These two take a moment to load and need no migrations for that.
    const functionsPort = options.functions === false ? undefined : await freePort()
    const watch = options.functions === 'watch'
    const serveFunctions = (port: number) =>
      spawnFunctions({
        folder: functionsDir,
        port,
        info,
        watch,
        log,
        inspect: options.inspect?.functions,
      })
    const functions = functionsPort && (await serveFunctions(functionsPort))
    if (functions)
      parts.add(
        'Deno',
        functions.process,
        async () => (await serveFunctions(functionsPort)).process,
      )
    const serveApi = () => forkGateway(dataDir, gatewayOptions, options.inspect?.gateway)
    const gatewayOptions: GatewayOptions = {
      port,
      dbPort,
      functionsPort,
      objectsDir: join(dataDir, 'objects'),
      page: options.page ? { folder: pageDir, ...schemaOf('playground') } : undefined,
      keys,
    }
    const gateway = await serveApi()
    parts.add('the gateway', gateway.process, async () => (await serveApi()).process)

    await step('migrations', async () => {
      const { applied, changed } = await migrate(info.db_url, migrationsDir)
      for (const file of changed) log(edited(file))
      return applied.length > 0 ? `${applied.length} applied` : 'up to date'
    })
    if (example) {
      const { schema, schemaName } = schemaOf(example)
      const state = await step(schemaName, () => applyOnce(info.db_url, schema, schemaName))
      if (state === 'changed') log(edited(schemaName))
    }
    await step('API', () => gateway.ready)
    if (functions) await step('functions', () => functions.ready)

    await writeJson(join(dataDir, 'private.json'), secrets)
    await writeJson(join(dataDir, 'stack.json'), info)
    parts.keepAlive()
    return {
      info,
      dataDir,
      broken: parts.broken,
      pid: (part) => parts.pid(part),
      stop: () => parts.stop(),
    }
  } catch (error) {
    await parts.stop()
    throw error
  }
}

/** A part that ends more often than this within a minute is broken for good. */
const RESTARTS = 5

/** What has been started: to be started again where it ends by itself, and stopped in the opposite order. */
class Parts {
  #break: (why: string) => void = () => {}
  readonly broken = new Promise<string>((resolve) => (this.#break = resolve))
  readonly #log: (line: string) => void
  readonly #undo: (() => Promise<unknown>)[] = []
  readonly #running = new Map<PartName, ChildProcess>()
  #stopping: Promise<void> | undefined
  #keptAlive = false

  constructor(log: (line: string) => void) {
    this.#log = log
  }

  /** From now on what ends by itself is started again; before, it makes the start fail. */
  keepAlive(): void {
    this.#keptAlive = true
  }

  pid(name: PartName): number | undefined {
    return this.#running.get(name)?.pid
  }

  add(name: PartName, first: ChildProcess, again: () => Promise<ChildProcess>): void {
    let starting: Promise<void> | undefined
    let keeper: ChildProcess
    const restarts: number[] = []
    const watch = (child: ChildProcess): void => {
      keeper = guard(child)
      this.#running.set(name, child)
      child.once('exit', (code, signal) => {
        this.#running.delete(name)
        keeper.kill('SIGKILL')
        if (this.#stopping) return
        const why = `${name} ended by itself (${signal ?? `code ${code}`})`
        const lately = restarts.filter((at) => at > Date.now() - 60_000).length
        if (!this.#keptAlive) return this.#break(why)
        if (lately >= RESTARTS)
          return this.#break(`${why}, after ${RESTARTS} restarts within a minute`)
        restarts.push(Date.now())
        this.#log(`${why}, and is started again`)
        starting = again().then(watch, (error: unknown) =>
          this.#break(`${why}, and does not start again: ${String(error)}`),
        )
      })
    }
    watch(first)
    this.#undo.push(async () => {
      await starting
      const child = this.#running.get(name)
      if (child) await stopProcess(child, 'SIGINT')
      keeper.kill('SIGKILL')
    })
  }

  onStop(undo: () => Promise<unknown>): void {
    this.#undo.push(undo)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #stopAll(): Promise<void> {
    for (const undo of this.#undo.toReversed()) await undo()
  }
}

/** One stack a folder. What the last one left there and is true no more goes. */
async function takeFolder(dataDir: string, fresh: boolean, parts: Parts): Promise<void> {
  const lock = join(dataDir, 'stack.pid')
  const pid = Number(await readFile(lock, 'utf8').catch(() => ''))
  if (pid && pid !== process.pid && (await isRunning(pid, 'node'))) {
    throw new StackError(
      `another stack (process ${pid}) uses ${dataDir}. Stop it, or choose another folder with TIDEMARK_DATA=<folder>`,
    )
  }
  if (fresh) await clear(dataDir)
  await mkdir(dataDir, { recursive: true })
  const passing = ['stack.json', 'private.json', 'stack.pid'].map((name) => join(dataDir, name))
  const tidy = () => Promise.all(passing.map((file) => rm(file, { force: true })))
  await tidy()
  await writeFile(lock, String(process.pid))
  parts.onStop(tidy)
}

/** Deletes nothing but what a stack has made. */
async function clear(dataDir: string): Promise<void> {
  if (!(await exists(dataDir))) return
  if (!(await exists(join(dataDir, 'keys.json')))) {
    throw new StackError(
      `${dataDir} is no data folder of this stack, so --fresh does not delete it`,
    )
  }
  await rm(dataDir, { recursive: true, force: true })
}

function schemaOf(example: string): { schema: string; schemaName: string } {
  const schemaName = `examples/${example}/schema.sql`
  return { schema: join(root, schemaName), schemaName }
}

function edited(file: string): string {
  return `  ! ${file} is no longer what was applied to this database: start over with --fresh`
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

function writeJson(file: string, content: object): Promise<void> {
  return writeFile(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
