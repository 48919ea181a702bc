import { glob, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import postgres from 'postgres'
import { Parser } from 'tap-parser'
import { splitStatements, type Statement } from '../statements.ts'
import type { StackInfo } from '../stack.ts'
import { seconds, type RunOptions, type Summary } from './summary.ts'

const concurrency = 2

/** Runs the files that `supabase test db` runs, without Docker: each on a connection of its own, as postgres. */
export async function runPgtap(
  root: string,
  { stackFile, chosen, log = console.log }: RunOptions,
): Promise<Summary> {
  const folder = join(root, 'supabase', 'tests')
  const files = (await Array.fromAsync(glob('**/*.test.sql', { cwd: folder })))
    .filter(
      (file) =>
        chosen.length === 0 || chosen.some((word) => join('supabase/tests', file).includes(word)),
    )
    .sort()
  const { db_url } = JSON.parse(await readFile(stackFile, 'utf8')) as StackInfo
  const admin = postgres(db_url, { max: 1, onnotice: () => {} })
  await admin`create extension if not exists pgtap with schema extensions`
  await admin.end()

  const total: Summary = { passed: 0, failed: 0, skipped: [] }
  const waiting = [...files]
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const start = performance.now()
      const { output, failure } = await runFile(db_url, join(folder, file))
      const result = judge(output, failure)
      total.passed += result.passed
      total.failed += result.failed
      total.skipped.push(
        ...result.skipped.map((skip) => ({ ...skip, test: `${file}: ${skip.test}` })),
      )
      const mark = result.failed > 0 ? '✗' : '✓'
      log(
        ` ${mark} ${relative(root, join(folder, file))} (${result.passed + result.failed}) ${seconds(start)}`,
      )
      for (const line of result.problems) log(`     ${line}`)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return total
}

/** What psql would print, and the error that ended it early. */
async function runFile(
  dbUrl: string,
  file: string,
): Promise<{ output: string; failure: string | undefined }> {
  const sql = postgres(dbUrl, {
    max: 1,
    onnotice: () => {},
    connection: { statement_timeout: 120_000 },
  })
  const output: string[] = []
  try {
    for await (const { text, line, file: source } of readScript(file)) {
      try {
        const rows = (await sql.unsafe(text).raw()) as unknown as (Buffer | null)[][]
        for (const row of rows)
          output.push(row.map((value) => value?.toString('utf8') ?? '').join('|'))
      } catch (error) {
        if (!(error instanceof postgres.PostgresError)) throw error
        const more = [error.detail, error.hint, error.where].filter(Boolean)
        return {
          output: output.join('\n'),
          failure: [
            `${source === file ? '' : `${relative(dirname(file), source)}, `}line ${line}: ${error.message} (${error.code})`,
            ...more,
          ].join('\n'),
        }
      }
    }
    return { output: output.join('\n'), failure: undefined }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

const include = /^\\ir[ \t]+(\S+)[ \t]*(?:\n|$)/

/** The statements of a script, and in place of each `\ir path` those of the file at that path, relative to the script. */
async function* readScript(file: string): AsyncGenerator<Statement & { file: string }> {
  for (const { text, line } of splitStatements(await readFile(file, 'utf8'))) {
    // A psql command ends with its line and not with a semicolon, so the next statement is split off with it.
    let rest: Statement | undefined = { text, line }
    for (let found; rest && (found = include.exec(rest.text));) {
      yield* readScript(resolve(dirname(file), found[1]!))
      const [next]: Statement[] = splitStatements(rest.text.slice(found[0].length))
      rest = next && { text: next.text, line: rest.line + next.line }
    }
    if (rest) yield { ...rest, file }
  }
}

/** A file fails by an assertion, by an error, and by running another number of tests than it planned. */
export function judge(
  output: string,
  failure: string | undefined,
): Summary & { problems: string[] } {
  const problems: string[] = []
  const skipped: Summary['skipped'] = []
  let passed = 0
  let failed = 0
  let planned: number | undefined
  let count = 0
  let describing = false

  const parser = new Parser()
  parser.on('plan', (plan: { start: number; end: number; comment: string }) => {
    if (!/^1\.\.\d+/m.test(output)) return
    planned = plan.end - plan.start + 1
    if (planned === 0)
      skipped.push({ test: 'all of it', reason: plan.comment || 'no reason given' })
  })
  parser.on(
    'assert',
    (test: {
      ok: boolean
      id: number
      name: string
      skip: string | boolean
      todo: string | boolean
    }) => {
      count++
      describing = false
      if (test.skip)
        skipped.push({
          test: test.name,
          reason: test.skip === true ? 'no reason given' : test.skip,
        })
      else if (test.ok || test.todo) passed++
      else {
        failed++
        describing = true
        problems.push(`not ok ${test.id} - ${test.name}`)
      }
    },
  )
  parser.on('comment', (comment: string) => {
    if (describing && !comment.startsWith('# Failed test')) problems.push(`  ${comment.trimEnd()}`)
  })
  parser.on('bailout', (reason: string) => problems.push(`bail out! ${reason}`))
  parser.end(output)

  if (failure) problems.push(...`the file died at ${failure}`.split('\n'))
  else if (planned === undefined) problems.push('the file has no plan')
  else if (planned !== count) problems.push(`planned ${planned} tests but ran ${count}`)
  if (problems.length > 0 && failed === 0) failed = 1
  return { passed, failed, skipped, problems }
}
