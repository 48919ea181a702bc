import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../../dev/ports.ts'
import { guard, stopProcess } from '../../dev/processes.ts'
import { adminUrl, connect, jwtSecret } from '../../dev/testing.ts'
import type { Contact } from '../contacts.ts'
import type { Rival } from './rival.ts'

/** Its package, installed on its own: tsc does not look into it. */
export const zeroFolder = join(import.meta.dirname, '..', 'zero')

/** What zero/client.js exports. */
interface ZeroClient {
  open(options: { cacheURL: string; userID: string; auth: string }): {
    download(): Promise<number>
    watch(listener: (rows: { id: string; notes: string }[]) => void): () => void
    insert(row: object): Promise<void>
    close(): Promise<void>
  }
}

let cacheURL = ''

/** Zero with its zero-cache and a small app server, as processes beside the stack, on its Postgres. */
export const zero: Rival = {
  name: 'Zero',
  table: 'zero',
  cannot: { poll: 'nothing is asked for: the server sends' },

  async createTable(sql) {
    // An array column made by `like` has no dimension in the catalogue, which zero-cache refuses.
    await sql.unsafe(`
      create table public.zero (like public.plain including all);
      alter table public.zero
        drop column version, drop column updated_at, drop column deleted_at, drop column tags;
      alter table public.zero add column tags text[] not null default '{}';
      grant select, insert, update on public.zero to authenticated;`)
  },

  async start() {
    const admin = connect('supabase_admin', { max: 1 })
    await admin`create publication zero_bench for table public.zero`
    await admin.end()
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-zero-'))
    const [app, cache] = [await freePort(), await freePort()]
    const server = run(join(zeroFolder, 'server.js'), {
      PORT: String(app),
      DATABASE: adminUrl(),
      JWT_SECRET: jwtSecret(),
    })
    const entry = 'node_modules/@rocicorp/zero/out/zero/src/cli.js'
    const daemon = run(join(zeroFolder, entry), {
      HOME: folder,
      ZERO_UPSTREAM_DB: adminUrl(),
      ZERO_REPLICA_FILE: join(folder, 'replica.db'),
      ZERO_APP_PUBLICATIONS: 'zero_bench',
      ZERO_MUTATE_URL: `http://127.0.0.1:${app}/mutate`,
      ZERO_QUERY_URL: `http://127.0.0.1:${app}/query`,
      ZERO_PORT: String(cache),
      ZERO_NUM_SYNC_WORKERS: '1',
      ZERO_ADMIN_PASSWORD: 'bench',
      ZERO_LOG_LEVEL: 'error',
      ZERO_ENABLE_TELEMETRY: 'false',
      DO_NOT_TRACK: '1',
    })
    cacheURL = `http://127.0.0.1:${cache}`
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
    return stop
  },

  async device({ id, accessToken }) {
    const entry = pathToFileURL(join(zeroFolder, 'client.js')).href
    const { open } = (await import(entry)) as ZeroClient
    const client = open({ cacheURL, userID: id, auth: accessToken })
    let waiting: Contact[] = []
    let end = () => {}
    return {
      download: client.download,
      async write(contacts) {
        waiting = contacts
      },
      // Its times are numbers.
      upload: async () => {
        await Promise.all(
          waiting.map((row) => client.insert({ ...row, met_at: Date.parse(row.met_at) })),
        )
      },
      async pull(change, count) {
        const complete = Promise.withResolvers<void>()
        const arrived = Promise.withResolvers<number>()
        let before: Map<string, string> | undefined
        end = client.watch((rows) => {
          before ??= new Map(rows.map(({ id, notes }) => [id, notes]))
          complete.resolve()
          if (rows.filter(({ id, notes }) => before!.get(id) !== notes).length === count)
            arrived.resolve(performance.now())
        })
        await complete.promise
        await change()
        const start = performance.now()
        const time = (await arrived.promise) - start
        end()
        end = () => {}
        return Math.max(0, time)
      },
      async listen(listener) {
        await client.download()
        end = client.watch((rows) => listener((id) => rows.some((row) => row.id === id)))
      },
      async close() {
        end()
        await client.close()
      },
    }
  },
}

function run(script: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, ...env },
  })
  return { child, keeper: guard(child) }
}

/** Waits until a server answers, which zero-cache does once it has copied the table. */
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
