import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { makeTable } from '../../client/tests/support/project.ts'
import { freePort } from '../../dev/ports.ts'
import { startStack } from '../../dev/stack.ts'
import { connect } from '../../dev/testing.ts'
import { connectMeters } from './meters.ts'
import { type Trend, trend } from './trend.ts'

/** One size over the whole run. */
export interface Series extends Trend {
  /** Such as 'gateway heap'. */
  name: string
  /** One for each of the soak's `at`. */
  bytes: number[]
}

/** How a soak went. */
export interface Soak {
  seconds: number
  devices: number
  edits: number
  syncs: number
  /** Syncs that failed. */
  errors: number
  /** Rows in the database at the end, and on each device. */
  rows: number
  held: number[]
  /** When the samples were taken, in seconds of the run. */
  at: number[]
  series: Series[]
}

export interface SoakOptions {
  seconds: number
  devices: number
  /** Ends the run early: `soak` then rejects, with nothing left running. */
  signal?: AbortSignal
  /** Gets each sample, its sizes in bytes. */
  onSample?: (at: number, sizes: { name: string; bytes: number }[]) => void
}

/** Puts steady load of some devices on a stack of its own, and measures memory on the way. Linux only. */
export async function soak({ seconds, devices, signal, onSample }: SoakOptions): Promise<Soak> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-soak-'))
  const ports = {
    functions: await freePort(),
    gateway: await freePort(),
    clients: await freePort(),
  }
  const stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
    inspect: ports,
  })
  const before = process.env.TIDEMARK_STACK
  process.env.TIDEMARK_STACK = join(stack.dataDir, 'stack.json')
  const sql = connect('postgres', { max: 1 })
  let clients: ChildProcess | undefined
  let close = (): void => {}
  try {
    const table = await makeTable(sql)
    clients = fork(join(import.meta.dirname, 'clients.ts'), [table, String(devices)], {
      execArgv: [`--inspect=127.0.0.1:${ports.clients}`, '--inspect-publish-uid=http'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    createInterface(clients.stderr!).on('line', (line) => {
      if (line !== 'Debugger attached.') console.error(line)
    })
    await message(clients)
    const found = await connectMeters(
      [
        { name: 'clients', pid: clients.pid!, port: ports.clients },
        { name: 'functions', pid: stack.pid('Deno')!, port: ports.functions },
        { name: 'gateway', pid: stack.pid('the gateway')!, port: ports.gateway },
      ],
      stack.pid('Postgres')!,
    )
    close = found.close

    const at: number[] = []
    const sizes = found.meters.map(({ name }) => ({ name, bytes: [] as number[] }))
    const begun = performance.now()
    const pause = Math.min(10, seconds / 30)
    for (let next = 0; next <= seconds; next += pause) {
      await setTimeout(Math.max(0, begun + next * 1000 - performance.now()), undefined, { signal })
      at.push(Math.round(next * 10) / 10)
      for (const [i, meter] of found.meters.entries()) sizes[i]!.bytes.push(await meter.read())
      onSample?.(
        next,
        sizes.map(({ name, bytes }) => ({ name, bytes: bytes.at(-1)! })),
      )
    }
    // A process waits at its end for whoever inspects it.
    close()
    const summary = message(clients)
    clients.send('enough')
    const counted = (await summary) as Pick<Soak, 'edits' | 'syncs' | 'errors' | 'held'>
    const [stored] = await sql.unsafe<{ n: number }[]>(
      `select count(*)::int as n from public.${table} where deleted_at is null`,
    )
    const series = sizes.map(({ name, bytes }) => ({ name, ...trend(bytes), bytes }))
    return { seconds, devices, ...counted, rows: stored!.n, at, series }
  } finally {
    close()
    clients?.kill('SIGKILL')
    await sql.end({ timeout: 1 })
    await stack.stop()
    if (before === undefined) delete process.env.TIDEMARK_STACK
    else process.env.TIDEMARK_STACK = before
    await rm(folder, { recursive: true, force: true })
  }
}

/** The next message of a process; rejects when it ends without one. */
async function message(child: ChildProcess): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const ended = () => reject(new Error('the clients ended by themselves'))
  child.once('message', resolve)
  child.once('exit', ended)
  try {
    return await promise
  } finally {
    child.off('message', resolve).off('exit', ended)
  }
}
