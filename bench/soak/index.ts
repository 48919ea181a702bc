import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeTable } from '../../client/tests/support/project.ts'
import { freePort } from '../../dev/ports.ts'
import { startStack } from '../../dev/stack.ts'
import { connect } from '../../dev/testing.ts'
import { growsSteadily, privateBytes, residentBytes } from './memory.ts'

export const PARTS = ['client', 'gateway', 'functions', 'Postgres'] as const
export type Part = (typeof PARTS)[number]

/** How a soak went. Sizes in bytes. */
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
  memory: Record<
    Part,
    { start: number; half: number; end: number; most: number; growsSteadily: boolean }
  >
}

/** Steady load of some devices on a stack of its own for so long, with all memory looked at on the way. */
export async function soak(
  seconds: number,
  devices: number,
  tell: (line: string) => void = () => {},
): Promise<Soak> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-soak-'))
  const stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
  })
  const before = process.env.TIDEMARK_STACK
  process.env.TIDEMARK_STACK = join(stack.dataDir, 'stack.json')
  const sql = connect('postgres', { max: 1 })
  const table = await makeTable(sql)
  const clients = fork(fileURLToPath(new URL('clients.ts', import.meta.url)), [
    table,
    String(devices),
  ])
  try {
    await once(clients, 'message')
    const samples: Record<Part, number[]> = { client: [], gateway: [], functions: [], Postgres: [] }
    const begun = performance.now()
    const pause = Math.min(5, seconds / 20) * 1000
    for (let n = 0; performance.now() - begun < seconds * 1000; n++) {
      samples.client.push(await residentBytes(clients.pid!))
      samples.gateway.push(await residentBytes(stack.pid('the gateway')!))
      samples.functions.push(await residentBytes(stack.pid('Deno')!))
      samples.Postgres.push(await privateBytes(stack.pid('Postgres')!))
      if (n % 12 === 0) {
        const sizes = PARTS.map((part) => `${part} ${megabytes(samples[part].at(-1)!)}`).join(', ')
        tell(`${Math.round((performance.now() - begun) / 1000)} s: ${sizes} MB`)
      }
      await setTimeout(pause)
    }
    const summary = once(clients, 'message')
    clients.send('enough')
    const [counted] = (await summary) as [Pick<Soak, 'edits' | 'syncs' | 'errors' | 'held'>]
    const [stored] = await sql.unsafe<{ n: number }[]>(
      `select count(*)::int as n from public.${table} where deleted_at is null`,
    )
    return {
      seconds,
      devices,
      ...counted,
      rows: stored!.n,
      memory: Object.fromEntries(
        PARTS.map((part) => {
          const all = samples[part]
          const figures = {
            start: all[0]!,
            half: all[Math.floor(all.length / 2)]!,
            end: all.at(-1)!,
            most: Math.max(...all),
          }
          return [part, { ...figures, growsSteadily: growsSteadily(all) }]
        }),
      ) as Soak['memory'],
    }
  } finally {
    clients.kill('SIGKILL')
    await sql.end({ timeout: 1 })
    await stack.stop()
    process.env.TIDEMARK_STACK = before
    await rm(folder, { recursive: true, force: true })
  }
}

export const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
