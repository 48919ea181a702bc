import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@supabase/supabase-js'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../ports.ts'
import type { StackInfo } from '../stack.ts'

const program = fileURLToPath(new URL('../start.ts', import.meta.url))

const execute = promisify(execFile)

let folder: string
let env: { TIDEMARK_PORT: string; TIDEMARK_DB_PORT: string; TIDEMARK_DATA: string }
const running: Started[] = []

interface Started {
  process: ChildProcess
  output: string[]
  /** Resolves with the line that starts with ready, rejects when the process ends before. */
  ready: Promise<string>
  ended: Promise<number | null>
}

function start(...args: string[]): Started {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
  })
  const output: string[] = []
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const ready = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        output.push(line)
        if (line.startsWith('ready')) resolve(line)
      })
    }
    void ended.then((code) => reject(new Error(`ended with ${code}:\n${output.join('\n')}`)))
  })
  ready.catch(() => {})
  const started = { process: child, output, ready, ended }
  running.push(started)
  return started
}

async function stop(started: Started, signal: NodeJS.Signals = 'SIGTERM') {
  started.process.kill(signal)
  return started.ended
}

async function info(): Promise<StackInfo> {
  return JSON.parse(await readFile(join(env.TIDEMARK_DATA, 'stack.json'), 'utf8'))
}

/** Processes of this test's stack that still run, told by their command lines and environments. */
async function leftovers(): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const read = (file: string) => readFile(file, 'utf8').catch(() => '')
  const found = pids.map(async (pid) => {
    const command = await read(`/proc/${pid}/cmdline`)
    const all = command + (await read(`/proc/${pid}/environ`))
    return all.includes(folder) || all.includes(`127.0.0.1:${env.TIDEMARK_PORT}`) ? command : ''
  })
  return (await Promise.all(found)).filter((command) => command !== '')
}

/** The gateway's process, as soon as it is another one than `before`. */
async function gateway(started: Started, before?: number): Promise<number> {
  const children = async () => {
    const { stdout } = await execute('ps', ['-A', '-o', 'pid=,ppid=,command='])
    return stdout.split('\n').map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [])
  }
  const find = async () => {
    const found = (await children()).find(
      ([, pid, parent, command]) =>
        Number(parent) === started.process.pid &&
        Number(pid) !== before &&
        /gateway/.test(command ?? ''),
    )
    return Number(found?.[1] ?? 0)
  }
  let pid = 0
  await expect.poll(async () => (pid = await find()), { timeout: 60_000 }).toBeGreaterThan(0)
  return pid
}

async function portsAreFree() {
  for (const port of [env.TIDEMARK_PORT, env.TIDEMARK_DB_PORT]) {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(Number(port), '127.0.0.1', resolve)
    })
    await new Promise((resolve) => server.close(resolve))
  }
  return true
}

beforeEach(async () => {
  // Private to its owner, as a checkout below a home folder is.
  folder = await mkdtemp(join(tmpdir(), 'tidemark-start-'))
  env = {
    TIDEMARK_PORT: String(await freePort()),
    TIDEMARK_DB_PORT: String(await freePort()),
    TIDEMARK_DATA: join(folder, 'data'),
  }
})

afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.kill('SIGTERM')
    await ended
  }
  await rm(folder, { recursive: true, force: true })
})

// Some start three times, on a machine that may have other things to do.
describe('npm start', { timeout: 120_000 }, () => {
  it('is ready with a file that tells clients all they need', async () => {
    await start().ready
    const { api_url, functions_url, db_url, publishable_key, secret_key } = await info()
    expect(api_url).toBe(`http://127.0.0.1:${env.TIDEMARK_PORT}`)
    expect(functions_url).toBe(`${api_url}/functions/v1`)
    expect(publishable_key).toMatch(/^sb_publishable_/)
    expect(secret_key).toMatch(/^sb_secret_/)
    const sql = postgres(db_url, { max: 1 })
    expect([...(await sql`select current_user as name`)]).toEqual([{ name: 'postgres' }])
    await sql.end()
    const { data } = await createClient(api_url, publishable_key).auth.signUp({
      email: 'ann@example.com',
      password: 'a long password',
    })
    expect(data.session).not.toBeNull()
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('leaves nothing running after %s', async (signal) => {
    const started = start()
    await started.ready
    expect(await stop(started, signal)).toBe(0)
    expect(await leftovers()).toEqual([])
    expect(await portsAreFree()).toBe(true)
    await expect(info()).rejects.toThrow('ENOENT')
  })

  it('keeps data, users and keys over a restart, and drops them with --fresh', async () => {
    const first = start()
    await first.ready
    const before = await info()
    const credentials = { email: 'ann@example.com', password: 'a long password' }
    await createClient(before.api_url, before.publishable_key).auth.signUp(credentials)
    await stop(first)

    const second = start()
    await second.ready
    expect(await info()).toEqual(before)
    const client = createClient(before.api_url, before.publishable_key)
    expect((await client.auth.signInWithPassword(credentials)).error).toBeNull()
    await stop(second)

    await start('--fresh').ready
    const fresh = await info()
    expect(fresh.secret_key).not.toBe(before.secret_key)
    const again = createClient(fresh.api_url, fresh.publishable_key)
    expect((await again.auth.signInWithPassword(credentials)).error).not.toBeNull()
  })

  it('starts again after it was killed', async () => {
    const killed = start()
    await killed.ready
    await stop(killed, 'SIGKILL')
    expect(await start().ready).toMatch(/^ready/)
  })

  it('starts again over the lock files of a machine that went down', async () => {
    const first = start()
    await first.ready
    await stop(first)
    // Both name a process that lives but is none of the stack's.
    await writeFile(join(env.TIDEMARK_DATA, 'postgres', 'postmaster.pid'), '1\n')
    await writeFile(join(env.TIDEMARK_DATA, 'stack.pid'), '1')
    expect(await start().ready).toMatch(/^ready/)
  })

  it('leaves nothing running when it was killed', async () => {
    const killed = start()
    await killed.ready
    await stop(killed, 'SIGKILL')
    await expect.poll(leftovers, { timeout: 10_000 }).toEqual([])
    await expect.poll(portsAreFree, { timeout: 10_000 }).toBe(true)
  })

  it('starts a part again five times a minute, then says so and gives up', async () => {
    const started = start()
    await started.ready
    let pid: number | undefined
    for (let deaths = 0; deaths < 6; deaths++) {
      pid = await gateway(started, pid)
      process.kill(pid, 'SIGKILL')
    }
    expect(await started.ended).toBe(1)
    const why = 'the gateway ended by itself (SIGKILL)'
    expect(started.output.filter((line) => line === `${why}, and is started again`)).toHaveLength(5)
    expect(started.output).toContain(`stopped: ${why}, after 5 restarts within a minute`)
    expect(await leftovers()).toEqual([])
    expect(await portsAreFree()).toBe(true)
  })

  it.each(['TIDEMARK_PORT', 'TIDEMARK_DB_PORT'] as const)('names a taken %s', async (variable) => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(Number(env[variable]), '127.0.0.1', resolve))
    const started = start()
    expect(await started.ended).toBe(1)
    const text = started.output.join('\n')
    expect(text).toContain(`port ${env[variable]} is taken`)
    expect(text).toContain(variable)
    expect(await leftovers()).toEqual([])
    await new Promise((resolve) => server.close(resolve))
  })

  it('refuses a folder that another stack uses', async () => {
    await start().ready
    env.TIDEMARK_PORT = String(await freePort())
    env.TIDEMARK_DB_PORT = String(await freePort())
    const second = start()
    expect(await second.ended).toBe(1)
    expect(second.output.join('\n')).toContain('another stack')
  })

  it('does not delete a folder that is not its own', async () => {
    await mkdir(env.TIDEMARK_DATA)
    await writeFile(join(env.TIDEMARK_DATA, 'diary.txt'), 'dear diary')
    const started = start('--fresh')
    expect(await started.ended).toBe(1)
    expect((await stat(join(env.TIDEMARK_DATA, 'diary.txt'))).size).toBe(10)
  })
})
