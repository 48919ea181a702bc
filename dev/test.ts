import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { StackError } from './errors.ts'
import { freePort } from './ports.ts'
import { runDeno } from './runners/deno.ts'
import { runPgtap } from './runners/pgtap.ts'
import { add, seconds, type Summary } from './runners/summary.ts'
import { runVitest } from './runners/vitest.ts'
import { testSeed } from './seed.ts'
import { startStack, type Stack } from './stack.ts'

const usage = `npm test                             every test, on a stack of its own
npm run test:full                    the same, with all the random histories and points of failure
npm test -- pgtap [word …]           database tests, those whose path contains a word
npm test -- deno [file …]            the functions' tests
npm test -- vitest [file …]          the client's, the stack's and the examples' tests
npm test -- vitest -u [file …]       pages that tests draw are drawn anew
npm test -- --stack <stack.json> …   on a stack that runs already
TIDEMARK_SEED=random npm test        random tests with another seed, which is printed`

const root = fileURLToPath(new URL('..', import.meta.url))
const runners = { pgtap: runPgtap, deno: runDeno, vitest: runVitest }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    stack: { type: 'string' },
    full: { type: 'boolean' },
    update: { type: 'boolean', short: 'u' },
    help: { type: 'boolean', short: 'h' },
  },
})
const [only, ...chosen] = positionals
if (values.update && only === 'vitest') chosen.push('--update')
if (values.help || (only && !(only in runners))) {
  console.log(usage)
  process.exit(values.help ? 0 : 1)
}

const folder = await mkdtemp(join(tmpdir(), 'tidemark-test-'))
const leftOutFile = join(folder, 'left-out')
process.env.TIDEMARK_LEFT_OUT = leftOutFile
if (values.full) process.env.TIDEMARK_FULL = '1'

let stack: Stack | undefined
const cleanUp = async () => {
  await stack?.stop()
  await rm(folder, { recursive: true, force: true })
}

/** What tests did not play, in their words, each once. */
async function leftOut(): Promise<Set<string>> {
  const text = await readFile(leftOutFile, 'utf8').catch(() => '')
  return new Set(text.split('\n').filter(Boolean))
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().then(() => process.exit(130)))
}

console.log(`seed ${testSeed()}`)
try {
  let stackFile = values.stack && resolve(values.stack)
  if (!stackFile) {
    console.log('stack')
    stack = await startStack({
      port: await freePort(),
      dbPort: await freePort(),
      dataDir: join(folder, 'data'),
      log: console.log,
    })
    stackFile = join(stack.dataDir, 'stack.json')
  }
  let total: Summary = { passed: 0, failed: 0, skipped: [] }
  const times: string[] = []
  for (const [name, run] of Object.entries(runners)) {
    if (only && only !== name) continue
    console.log(`\n${name}`)
    const start = performance.now()
    const result = await run(root, { stackFile, chosen })
    times.push(`${name}: ${result.passed} passed, ${result.failed} failed, ${seconds(start)}`)
    total = add(total, result)
  }
  const missing = await leftOut()
  await cleanUp()
  console.log(`\n${times.join('\n')}`)
  for (const each of missing) console.log(`left out: ${each} (npm run test:full plays them all)`)
  if (values.full) console.log('left out: 20,000 histories in one go (npm run simulate plays them)')
  for (const { test, reason } of total.skipped) console.log(`skipped: ${test}: ${reason}`)
  const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : ''
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`)
  process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0)
} catch (error) {
  await cleanUp()
  console.error(error instanceof StackError ? `error: ${error.message}` : error)
  process.exit(1)
}
