import 'fake-indexeddb/auto'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  createSync,
  indexedDbStorage,
  type Sync,
  sqliteStorage,
  syncSqlite,
  type SyncStorage,
} from '../client/src/index.ts'
import { createTables, fill, newContacts } from './contacts.ts'
import { median } from './measure.ts'
import { expectCount } from './request.ts'
import type { Bench, Result, Subject } from './subject.ts'

const held = 10_000
const queued = 5_000
/** Writes that are timed while nothing else goes on. */
const writes = 300

/** How long an app waits for a write while a sync runs, beside the same write while none does. */
export const writeLatency: Subject = { name: 'write-latency', serves: 'api', run }

async function run(bench: Bench): Promise<Result[]> {
  await createTables(bench.sql)
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-store-'))
  const kinds: [string, () => SyncStorage][] = [
    [
      'SQLite',
      () => sqliteStorage(syncSqlite(new DatabaseSync(join(folder, `${randomUUID()}.db`)))),
    ],
    ['fake-indexeddb', () => indexedDbStorage(randomUUID())],
  ]
  try {
    const results: Result[] = []
    for (const [kind, make] of kinds) results.push(await measure(bench, kind, make))
    return results
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(bench: Bench, kind: string, make: () => SyncStorage): Promise<Result> {
  const quiet: number[] = []
  const busy: number[] = []
  for (let round = 1; round <= Math.min(bench.rounds, 3); round++) {
    bench.progress(`a write into ${kind}, round ${round}`)
    const { sync, ids } = await device(bench, make())
    quiet.push(...(await timeWrites(sync, ids, (count) => count < writes)))
    let running = true
    const run = sync.sync().finally(() => (running = false))
    busy.push(...(await timeWrites(sync, ids, () => running)))
    expectCount('edits sent', (await run).rejected, 0)
    await sync.close()
  }
  const ratio = median(busy) / median(quiet)
  const measure = `write into ${kind} of 10,000 rows and 5,000 queued edits during a sync, against none`
  return {
    subject: 'write-latency',
    measure: `${measure} (p95 ${quantile(busy).toFixed(1)} ms, ${busy.length} writes)`,
    unit: 'ms',
    raw: median(quiet),
    ours: median(busy),
    ratio,
    spread: null,
    wanted: { atMost: 10 },
    met: median(busy) < 10,
  }
}

/** A device with its rows and edits, and as many changes of others to come. */
async function device(bench: Bench, storage: SyncStorage): Promise<{ sync: Sync; ids: string[] }> {
  const user = await bench.createUser()
  const contacts = newContacts(user.id, held)
  await fill(bench.sql, user.id, 'contacts', contacts)
  const sync = createSync({ supabase: user.client, tables: ['contacts'], storage })
  await sync.pull()
  const table = sync.table('contacts')
  const rows = await table.list()
  expectCount('rows', rows.length, held)
  const ids = rows.map(({ id }) => String(id))
  const fresh = newContacts(user.id, queued)
  await table.insertMany(fresh.map((contact) => ({ ...contact })))
  expectCount('queued edits', sync.status().pending, queued)
  await bench.sql`
    update contacts set notes = 'changed elsewhere' where id in
      (select id from contacts where user_id = ${user.id} order by id limit 5000)`
  return { sync, ids }
}

/** Milliseconds of each write, one after the other with a breath between them. */
async function timeWrites(
  sync: Sync,
  ids: readonly string[],
  goOn: (count: number) => boolean,
): Promise<number[]> {
  const table = sync.table('contacts')
  const times: number[] = []
  while (goOn(times.length)) {
    const id = ids[(times.length * 7919) % ids.length]!
    const start = performance.now()
    await table.update(id, { notes: `note ${start}` })
    times.push(performance.now() - start)
    await pause(1)
  }
  return times
}

const quantile = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(0.95 * (values.length - 1))]!
