import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { machine } from '../../bench/machine.ts'
import { freePort } from '../../dev/ports.ts'
import { startStack } from '../../dev/stack.ts'
import { breaks } from '../breaks/breaks.ts'
import { casts, type DriverName } from '../drivers/cast.ts'
import { report } from './page.ts'
import { show } from './show.ts'
import { simulate } from './simulate.ts'

/** How many histories each driver plays, where it is not said. */
const usual: Record<DriverName, number> = { wire: 2_000, client: 20_000 }

const usage = `npm run simulate                             random histories with both drivers, on a stack of its own
npm run simulate -- --driver wire            2,000 of raw calls of the database functions
npm run simulate -- --driver client          20,000 of the real client; the result goes into docs/proof.md
npm run simulate -- --histories N --seed S   so many, or the same again; into docs/proof.md with --report
npm run simulate -- --driver D --seed S --path P   one failure again; --no-shrink leaves it as long as it is
npm run simulate -- --stack <stack.json>     on a stack that runs already
npm run simulate -- --workers N              databases at the same time, 2 by default
npm run simulate -- --migrations <folder>    of another folder than supabase/migrations
npm run simulate -- --break <name>           with a fault on purpose: ${Object.keys(breaks).join(', ')}`

const { values } = parseArgs({
  options: {
    driver: { type: 'string' },
    histories: { type: 'string' },
    report: { type: 'boolean' },
    seed: { type: 'string' },
    path: { type: 'string' },
    workers: { type: 'string', default: '2' },
    stack: { type: 'string' },
    migrations: { type: 'string' },
    break: { type: 'string' },
    shrink: { type: 'boolean', default: true },
    help: { type: 'boolean', short: 'h' },
  },
  allowNegative: true,
})
const broken = values.break === undefined ? undefined : breaks[values.break]
const isWrong =
  (values.driver !== undefined && !(values.driver in casts)) ||
  (values.break !== undefined && !broken) ||
  (values.path !== undefined && !values.driver)
if (values.help || isWrong) {
  console.log(usage)
  process.exit(values.help ? 0 : 1)
}
const drivers = (values.driver ? [values.driver] : Object.keys(casts)) as DriverName[]

const run = machine()
const folder = await mkdtemp(join(tmpdir(), 'tidemark-simulation-'))
const stack = values.stack
  ? undefined
  : await startStack({
      port: await freePort(),
      dbPort: await freePort(),
      dataDir: join(folder, 'data'),
      functions: false,
    })
let failed = false
try {
  const dataDir = stack?.dataDir ?? dirname(resolve(values.stack!))
  const workers = Number(values.workers)
  const seed = Number(values.seed ?? Date.now() % 1e9)
  for (const driver of drivers) {
    if (broken && !broken.found[driver]) continue
    const histories = Number(values.histories ?? usual[driver])
    console.log(`${driver}: seed ${seed}`)
    const options = ` --driver ${driver}${values.break ? ` --break '${values.break}'` : ''}`
    const simulation = await show(`simulate --${options}`, histories, (told) =>
      simulate({
        driver,
        dataDir,
        histories,
        seed,
        path: values.path,
        workers,
        endOnFailure: !values.shrink,
        migrations: values.migrations,
        broken,
        ...told,
      }),
    )
    const isWhole = !(values.path || values.histories || broken)
    if (driver === 'client' && (values.report ?? isWhole))
      await report(simulation, { ...run, workers })
    failed ||= simulation.failure !== undefined
  }
} finally {
  await stack?.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)
