import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort } from '../dev/ports.ts'
import { startStack, type Stack } from '../dev/stack.ts'
import { connect, createUser } from '../dev/testing.ts'
import { capture } from './capture.ts'
import { client } from './client.ts'
import { cost } from './cost.ts'
import { failures } from './failures.ts'
import { functions } from './functions.ts'
import { growth } from './growth.ts'
import { logSize } from './log-size.ts'
import { machine } from './machine.ts'
import { poll } from './poll.ts'
import { progress } from './progress.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import { purge } from './purge.ts'
import { writeReport } from './report.ts'
import { rivals } from './rivals.ts'
import { scopes } from './scopes.ts'
import type { Outcome, Result, Subject } from './subject.ts'
import { table } from './table.ts'
import { writeLatency } from './write-latency.ts'

const subjects = [
  push,
  pull,
  capture,
  logSize,
  client,
  rivals,
  failures,
  writeLatency,
  poll,
  scopes,
  purge,
  functions,
  growth,
  cost,
]

const usage = `npm run bench                      everything
npm run bench -- push pull         some of it: ${subjects.map(({ name }) => name).join(', ')}
npm run bench -- --quick           fewer rounds, and smaller sizes beside the others
npm run bench -- --rounds <n>      so many instead of nine
npm run bench -- --results <dir>   where each subject's json goes, bench/results by default; no docs then
npm run bench -- rivals --contenders rxdb,zero --results <dir>
                                   only these beside Tidemark; also for failures
npm run bench:report               the docs and charts from bench/results alone, as every run ends

Raw and ours run in turns. A speed is raw time divided by ours, a cost is ours divided by raw; both are
medians over the rounds, with the quartiles beside them. A missed bound is marked, and is no failure.`

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    rounds: { type: 'string' },
    results: { type: 'string' },
    contenders: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
const rounds = Number(values.rounds ?? (values.quick ? 3 : 9))
const contenders = values.contenders?.split(',')
const unknown = positionals.find((name) => !subjects.some((subject) => subject.name === name))
const wrong = unknown
  ? `no subject "${unknown}"`
  : !(rounds >= 1)
    ? '--rounds takes a number'
    : contenders && !values.results
      ? '--contenders goes with --results: bench/results is of runs with all of them'
      : ''
if (values.help || wrong) {
  console.log(wrong ? `${wrong}\n\n${usage}` : usage)
  process.exit(wrong ? 1 : 0)
}

let stack: Stack | undefined
let folder: string | undefined
async function cleanUp(): Promise<void> {
  await stack?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
  stack = folder = undefined
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().then(() => process.exit(130)))
}

const folderOfResults = resolve(values.results ?? join(root, 'bench', 'results'))
await mkdir(folderOfResults, { recursive: true })
const results: Result[] = []
const texts: string[] = []
try {
  for (const subject of subjects) {
    if (positionals.length > 0 && !positionals.includes(subject.name)) continue
    const found = await onItsOwnStack(subject)
    results.push(...found.results)
    texts.push(found.text)
    // At once: what comes later may fail.
    const file = join(folderOfResults, `${subject.name}.json`)
    const { figures } = found
    const quick = values.quick ?? false
    const json = { ...machine(), quick, rounds, results: found.results, figures }
    await writeFile(file, `${JSON.stringify(json, null, 2)}\n`)
  }
} catch (error) {
  await cleanUp()
  throw error
}
progress('')
if (results.length > 0) console.log(table(results))
for (const text of texts.filter(Boolean)) console.log(text)
// Elsewhere may lie a part of the results, or those of a trial.
if (!values.results) console.log(['Written:', ...(await writeReport())].join('\n'))
process.exit(0)

async function onItsOwnStack(subject: Subject): Promise<Outcome> {
  const show = (text: string, done?: number) => progress(`${subject.name}: ${text}`, done)
  show('starting a stack')
  folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
  stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
    functions: subject.serves === 'api',
  })
  process.env.TIDEMARK_STACK = join(stack.dataDir, 'stack.json')
  const sql = connect('postgres', { max: 1 })
  try {
    const quick = values.quick ?? false
    const found = await subject.run({ sql, rounds, quick, contenders, createUser, progress: show })
    return Array.isArray(found) ? { results: found, figures: {}, text: '' } : found
  } finally {
    await sql.end()
    await cleanUp()
  }
}
