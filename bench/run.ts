import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort } from '../dev/ports.ts'
import { startStack, type Stack } from '../dev/stack.ts'
import { connect, createUser } from '../dev/testing.ts'
import { capture } from './capture.ts'
import { client } from './client.ts'
import { functions } from './functions.ts'
import { logSize } from './log-size.ts'
import { poll } from './poll.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'
import { purge } from './purge.ts'
import { rivals } from './rivals.ts'
import { scopes } from './scopes.ts'
import type { Result, Subject } from './subject.ts'
import { table } from './table.ts'
import { writeLatency } from './write-latency.ts'

const subjects = [
  push,
  pull,
  capture,
  logSize,
  client,
  rivals,
  writeLatency,
  poll,
  scopes,
  purge,
  functions,
]

const usage = `npm run bench                      everything
npm run bench -- push pull         some of it: ${subjects.map(({ name }) => name).join(', ')}
npm run bench -- --quick           fewer rounds
npm run bench -- --json <file>     where the results go, bench/results/latest.json by default

Raw and ours run in turns. A speed is raw time divided by ours, a cost is ours divided by raw; both are
medians over the rounds, with the quartiles beside them. A missed bound is marked, and is no failure.`

const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
const unknown = positionals.find((name) => !subjects.some((subject) => subject.name === name))
if (values.help || unknown) {
  console.log(unknown ? `no subject "${unknown}"\n\n${usage}` : usage)
  process.exit(unknown ? 1 : 0)
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

const results: Result[] = []
try {
  for (const subject of subjects) {
    if (positionals.length > 0 && !positionals.includes(subject.name)) continue
    results.push(...(await onItsOwnStack(subject)))
  }
} catch (error) {
  await cleanUp()
  throw error
}
progress('')
console.log(table(results))
const file = resolve(values.json ?? join(root, 'bench', 'results', 'latest.json'))
await mkdir(dirname(file), { recursive: true })
await writeFile(file, `${JSON.stringify({ ...machine(), results }, null, 2)}\n`)
process.exit(0)

async function onItsOwnStack(subject: Subject): Promise<Result[]> {
  const show = (text: string) => progress(`${subject.name}: ${text}`)
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
    return await subject.run({ sql, rounds: values.quick ? 3 : 9, createUser, progress: show })
  } finally {
    await sql.end()
    await cleanUp()
  }
}

/** One line that is written over where there is a terminal. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns)}`)
  else if (text) process.stderr.write(`${text}\n`)
}

function machine() {
  let commit: string | null = null
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
    }).trim()
  } catch {
    // not a clone
  }
  return {
    at: new Date().toISOString(),
    commit,
    rounds: values.quick ? 3 : 9,
    node: process.version,
    cpus: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    // of the last fifteen minutes, the bench's own included
    load: Number(loadavg()[2]!.toFixed(1)),
    memory_gb: Math.round(totalmem() / 2 ** 30),
  }
}
