import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../dev/ports.ts'
import { startStack, type StackInfo } from '../dev/stack.ts'
import { breaks } from './breaks.ts'
import { fuzz } from './fuzz.ts'
import { show } from './show.ts'

const usage = `npm run fuzz                             2,000 random histories, on a stack of its own
npm run fuzz -- --histories N --seed S   more of them, or the same again
npm run fuzz -- --seed S --path P        one failure again
npm run fuzz -- --stack <stack.json>     on a stack that runs already
npm run fuzz -- --workers N              databases at the same time, 3 by default
npm run fuzz -- --migrations <folder>    of another folder than supabase/migrations
npm run fuzz -- --break <name>           with an engine that is broken on purpose: ${Object.keys(breaks).join(', ')}`

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '2000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    workers: { type: 'string', default: '3' },
    stack: { type: 'string' },
    migrations: { type: 'string' },
    break: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help || (values.break && !(values.break in breaks))) {
  console.log(usage)
  process.exit(values.help ? 0 : 1)
}

const folder = await mkdtemp(join(tmpdir(), 'tidemark-fuzz-'))
const stack = values.stack
  ? undefined
  : await startStack({
      port: await freePort(),
      dbPort: await freePort(),
      dataDir: join(folder, 'data'),
      functions: false,
    })
let failed = true
try {
  const info = stack?.info ?? (JSON.parse(await readFile(values.stack!, 'utf8')) as StackInfo)
  const seed = Number(values.seed ?? Date.now() % 1e9)
  const histories = Number(values.histories)
  console.log(`seed ${seed}`)
  const { failure } = await show('fuzz', histories, (told) =>
    fuzz({
      serverUrl: info.db_url,
      histories,
      seed,
      path: values.path,
      workers: Number(values.workers),
      migrations: values.migrations,
      broken: values.break && breaks[values.break]!.sql,
      ...told,
    }),
  )
  failed = failure !== undefined
} finally {
  await stack?.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)
