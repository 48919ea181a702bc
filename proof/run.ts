import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machine } from '../bench/machine.ts'
import { freePort } from '../dev/ports.ts'
import { startStack } from '../dev/stack.ts'
import { show } from '../fuzz/show.ts'
import { report } from './page.ts'
import { prove } from './prove.ts'

const usage = `npm run prove                              20,000 random histories of the real client, on a stack of its own; the result goes into docs/proof.md
npm run prove -- --histories N --seed S    so many, or the same again; into docs/proof.md with --report
npm run prove -- --seed S --path P         one failure again
npm run prove -- --workers N               databases at the same time, 2 by default`

const { values } = parseArgs({
  options: {
    histories: { type: 'string' },
    report: { type: 'boolean' },
    seed: { type: 'string' },
    path: { type: 'string' },
    workers: { type: 'string', default: '2' },
    shrink: { type: 'boolean', default: true },
    help: { type: 'boolean', short: 'h' },
  },
  allowNegative: true,
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}

const run = machine()
const folder = await mkdtemp(join(tmpdir(), 'tidemark-proof-'))
const stack = await startStack({
  port: await freePort(),
  dbPort: await freePort(),
  dataDir: join(folder, 'data'),
  functions: false,
})
let failed = true
try {
  const histories = Number(values.histories ?? 20_000)
  const workers = Number(values.workers)
  const seed = Number(values.seed ?? Date.now() % 1e9)
  console.log(`seed ${seed}`)
  const proof = await show('prove', histories, (told) =>
    prove({
      dataDir: stack.dataDir,
      histories,
      seed,
      path: values.path,
      workers,
      endOnFailure: !values.shrink,
      ...told,
    }),
  )
  if (values.report ?? !(values.path || values.histories)) await report(proof, { ...run, workers })
  failed = proof.failure !== undefined
} finally {
  await stack.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)
