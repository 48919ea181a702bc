import 'fake-indexeddb/auto'
import { setTimeout } from 'node:timers/promises'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { indexedDbStorage, memoryStorage } from '../../client/src/index.ts'
import { StackError } from '../../dev/errors.ts'
import { compareWithDatabase } from './compare.ts'
import { countries, loadCities } from './data.ts'
import { signUp } from '../person.ts'
import { createDevice, type Device } from './device.ts'
import { editOnLaptop, editOnPhone } from './edits.ts'
import {
  bold,
  count,
  dim,
  green,
  line,
  progressBar,
  red,
  section,
  seconds,
  speed,
} from './print.ts'
import { namesOf, tellOutcome } from './outcome.ts'
import { type ExampleStack, ownStack, runningStack } from '../stack.ts'

const usage = `npm run demo                            on a stack of its own
npm run demo -- --stack <stack.json>    on one that runs already
npm run demo -- --cities <n>            with the n largest cities only`

const HOUR = 3_600_000

const { values } = parseArgs({
  options: {
    stack: { type: 'string' },
    cities: { type: 'string', default: '1000000' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}

let stack: ExampleStack | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await stack?.stop()
    process.exit(130)
  })
}
try {
  const start = performance.now()
  console.log(bold('Tidemark: two devices of Ada, one of Bob, and a Supabase project'))
  const started = await timed(() =>
    values.stack ? runningStack('demo', values.stack) : ownStack('demo'),
  )
  stack = started.result
  line('stack', `ready in ${seconds(started.ms)}`)
  const sql = postgres(stack.info.db_url, {
    max: 1,
    connection: { TimeZone: 'UTC' },
    onnotice: () => {},
  })
  const differences = await demo(stack, sql, Number(values.cities))
  await sql.end()
  await stack.stop()
  console.log(dim(`\n${seconds(performance.now() - start)} in all`))
  for (const difference of differences.slice(0, 20)) console.log(difference)
  console.log(differences.length === 0 ? green('in sync') : red('NOT in sync'))
  process.exit(differences.length === 0 ? 0 : 1)
} catch (error) {
  console.error(error instanceof StackError ? `error: ${error.message}` : error)
  await stack?.stop()
  process.exit(1)
}

/** Resolves to what is not as it should be in the end. */
async function demo({ info }: ExampleStack, sql: Sql, cities: number): Promise<string[]> {
  const loaded = await timed(() => loadCities(sql, cities))
  if (loaded.result) line('cities', `${speed(loaded.result, loaded.ms)} by plain SQL`)

  const [ada, bob] = [await signUp(info, 'Ada'), await signUp(info, 'Bob')]
  const phone = await createDevice(ada, 'phone', { storage: indexedDbStorage(ada.id) })
  const laptop = await createDevice(ada, 'laptop', { storage: memoryStorage(), clockAhead: HOUR })
  const tablet = await createDevice(bob, 'tablet', { storage: memoryStorage() })
  const devices = [phone, laptop, tablet]

  section('Each fills a list of countries: up')
  for (const device of [phone, tablet]) {
    await device.sync.table('countries').insertMany(countries)
    const { pushed, durationMs } = await device.sync.push()
    line(device.name, speed(pushed, durationMs))
  }

  section('First download')
  await download(phone, 'into fake-indexeddb')
  await download(laptop, 'into memory')
  await download(tablet, 'into memory')

  section('Offline')
  const names = await namesOf(laptop)
  const bobsList = await tablet.sync.table('countries').list()
  for (const device of devices) device.goOffline()
  await editOnLaptop(laptop)
  await setTimeout(500)
  await editOnPhone(phone)
  line(laptop.name, `${count(laptop.sync.status().pending, 'edits')} wait, by a clock an hour fast`)
  line(phone.name, `${count(phone.sync.status().pending, 'edits')} wait, made a moment later`)
  line('the database', await recount(sql))

  section('Back online')
  for (const device of devices) device.goOnline()
  for (const device of [phone, laptop, phone, tablet]) {
    const { pushed, rejected, pulled, durationMs } = await device.sync.sync()
    const up = pushed + rejected
    line(
      device.name,
      `${count(up, 'edits')} up, ${count(pulled, 'rows')} down in ${seconds(durationMs)}`,
    )
  }

  section('What became of the edits')
  for (const device of [phone, laptop]) tellOutcome(device, names)
  const untouched = isDeepStrictEqual(await tablet.sync.table('countries').list(), bobsList)
  line(tablet.name, untouched ? 'saw nothing of it' : red('has a list that Bob did not make'))

  section('Row by row')
  const differences = untouched ? [] : [`${tablet.name} got rows of somebody else's`]
  for (const device of devices) {
    const compared = await compareWithDatabase(sql, device)
    differences.push(...compared.differences.map((text) => `${device.name}: ${text}`))
    line(
      device.name,
      `${count(compared.rows, 'rows')}, ${count(compared.values, 'values')} compared with the database`,
    )
    await device.sync.close()
  }
  return differences
}

async function download(device: Device, where: string): Promise<void> {
  const bar = progressBar(device.name)
  const end = device.sync.on('sync_progress', ({ phase, done, total }) => {
    if (phase === 'pull' && total) bar.update(done, total)
  })
  const { result, ms } = await timed(() => device.sync.pull())
  end()
  bar.end()
  line(device.name, `${speed(result.pulled, ms)} ${where}`)
}

/** Meanwhile, plain SQL. A delete leaves a tombstone, so it reports no rows. */
async function recount(sql: Sql): Promise<string> {
  const updated = await sql`
    update public.cities set population = round(population * 1.01) where country = 'US'`
  await sql`delete from public.cities where population < 1000`
  const [{ deleted }] = await sql<[{ deleted: number }]>`
    select count(*)::int as deleted from public.cities where deleted_at is not null`
  return `${count(updated.count, 'cities')} updated by plain SQL, ${count(deleted, 'cities')} deleted`
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now()
  const result = await work()
  return { result, ms: performance.now() - start }
}
