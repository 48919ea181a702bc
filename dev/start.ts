import { parseArgs } from 'node:util'
import { StackError } from './errors.ts'
import { buildPage, pageIsFresh, type PageBuild } from './page.ts'
import { startStack, type Stack } from './stack.ts'

const usage = `npm start                          the local stack, ready in some seconds
npm start -- --fresh               with an empty database
npm start -- --example <name>      with the tables of examples/<name>/schema.sql

TIDEMARK_PORT     the API's port, 54321 by default
TIDEMARK_DB_PORT  the database's port, 54322 by default
TIDEMARK_DATA     the folder that keeps its data, .tidemark by default`

const started = performance.now()
let stack: Stack | undefined
let build: PageBuild | undefined
let leaving = false

async function leave(code: number): Promise<void> {
  if (leaving) return
  leaving = true
  await build?.stop()
  await stack?.stop()
  process.exit(code)
}

try {
  const { values } = parseArgs({
    options: {
      fresh: { type: 'boolean' },
      example: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  let wanted = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      wanted = true
      if (stack) void leave(0)
    })
  }
  console.log('starting the local stack')
  stack = await startStack({
    port: portFrom('TIDEMARK_PORT', 54321),
    dbPort: portFrom('TIDEMARK_DB_PORT', 54322),
    dataDir: process.env.TIDEMARK_DATA || '.tidemark',
    fresh: values.fresh ?? false,
    example: values.example,
    page: true,
    functions: 'watch',
    log: console.log,
  })
  if (wanted) await leave(0)
  const { api_url, db_url, publishable_key } = stack.info
  console.log(`\n  page      ${api_url}/`)
  console.log(`  API       ${api_url}\n  database  ${db_url}\n  key       ${publishable_key}\n`)
  console.log(
    `ready in ${((performance.now() - started) / 1000).toFixed(1)} s, ${stack.dataDir}/stack.json tells clients the rest`,
  )
  // Only now, so that nothing waits for it; the address says so until it is there.
  const fresh = await pageIsFresh()
  if (!fresh && !leaving) {
    build = buildPage()
    const problem = await build.done
    if (problem !== undefined && !leaving) console.error(`the page could not be built: ${problem}`)
  }
  console.error(`stopped: ${await stack.broken}`)
  await leave(1)
} catch (error) {
  const expected = error instanceof StackError || isUsageError(error)
  console.error(expected ? `error: ${error.message}` : error)
  process.exit(1)
}

function portFrom(variable: string, standard: number): number {
  const port = Number(process.env[variable] || standard)
  if (Number.isInteger(port) && port > 0 && port < 65536) return port
  throw new StackError(`${variable}=${process.env[variable]} is no port number`)
}

function isUsageError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && `${error.code}`.startsWith('ERR_PARSE_ARGS')
}
