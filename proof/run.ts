import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { freePort } from '../dev/ports.ts'
import { startStack } from '../dev/stack.ts'
import { report } from './page.ts'
import { prove } from './prove.ts'

const usage = `npm run prove                              20,000 random histories of the real client, on a stack of its own; the result goes into docs/proof.md
npm run prove -- --histories N --seed S    more of them, or the same again
npm run prove -- --seed S --path P         one failure again
npm run prove -- --workers N               databases at the same time, 2 by default`

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '20000' },
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

const folder = await mkdtemp(join(tmpdir(), 'tidemark-proof-'))
const stack = await startStack({
  port: await freePort(),
  dbPort: await freePort(),
  dataDir: join(folder, 'data'),
  functions: false,
})
let failed = true
try {
  const histories = Number(values.histories)
  const seed = Number(values.seed ?? Date.now() % 1e9)
  console.log(`seed ${seed}`)
  const bar = new SingleBar({
    format: '  {bar} {value} of {total} histories',
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stdout,
  })
  const { isTTY } = process.stdout
  if (isTTY) bar.start(histories, 0)
  const proof = await prove({
    dataDir: stack.dataDir,
    histories,
    seed,
    path: values.path,
    workers: Number(values.workers),
    endOnFailure: !values.shrink,
    onHistory(done) {
      if (isTTY) bar.update(Math.min(done, histories))
      else if (done % 1_000 === 0) console.log(`${done} histories`)
    },
    onFailure({ seed, path, message }) {
      bar.stop()
      console.log(
        `${message}\n\nagain: npm run prove -- --seed ${seed} --path ${path}\nshrinking it`,
      )
    },
  })
  if (isTTY) bar.stop()
  for (const [name, n] of [...proof.counts].sort()) console.log(`  ${name.padEnd(32)} ${n}`)
  const { failure } = proof
  if (!values.path) await report(proof)
  failed = failure !== undefined
  if (failure) {
    console.log(`\n${failure.message}\n\n${JSON.stringify(failure.history)}`)
    console.log(`\nagain: npm run prove -- --seed ${failure.seed} --path ${failure.path}`)
  } else console.log(`${histories} histories in ${proof.seconds.toFixed(1)} s`)
} finally {
  await stack.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(failed ? 1 : 0)
