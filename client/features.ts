/**
 * Makes docs/features.md from the names of the tests in client/tests/features: `npm run features`.
 * Exits with 1 where a test is named after no row.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SYSTEMS } from './tests/features/rows.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A test that shows something: its name, and the file that registers it. */
interface Named {
  name: string
  file: string
}

/** The names of the tests as the test runner collects them; nothing is run. */
async function collect(): Promise<Named[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-features-'))
  const list = join(folder, 'list.json')
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  try {
    const args = [program, 'list', 'client/tests/features', `--json=${list}`]
    await promisify(execFile)(process.execPath, args, { cwd: root })
    const tests = JSON.parse(await readFile(list, 'utf8')) as Named[]
    return tests.map(({ name, file }) => ({
      name: name.split(' > ').at(-1)!,
      file: relative(root, file).replaceAll('\\', '/'),
    }))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** docs/features.md as the tests' names make it, the rows that no test shows, and tests of no row. */
export async function features(): Promise<{
  page: string
  missing: string[]
  strays: string[]
}> {
  const tests = await collect()
  const used = new Set<Named>()
  const missing: string[] = []
  const sections = SYSTEMS.map(({ key, title, rows }) => {
    const file = `client/tests/features/${key}.test.ts`
    const shown = rows.flatMap((row) => {
      const showing = tests.filter(
        (test) => test.file === file && (test.name === row || test.name.startsWith(`${row}: `)),
      )
      for (const test of showing) used.add(test)
      if (showing.length === 0) missing.push(`${key}: ${row}`)
      const cases = showing.map(({ name }) => name.slice(row.length + 2)).filter(Boolean)
      return showing.length === 0 ? [] : [`| ${cell(row)} | ${cell(cases.join('; '))} |`]
    })
    if (shown.length === 0) return ''
    return [
      `## ${title}`,
      `Shown by [${file}](../${file}), ${shown.length} of ${rows.length} rows.`,
      ['| feature | cases |', '| --- | --- |', ...shown].join('\n'),
    ].join('\n\n')
  })
  const page = [
    '# Features',
    'What the client does, in the words of the five systems whose needs it covers, and what none of them does. Each row is the name of tests that pass against the real stack: this page is made from those names by `npm run features`, and cannot claim more.',
    ...sections.filter(Boolean),
  ].join('\n\n')
  const strays = tests.filter((test) => !used.has(test)).map(({ file, name }) => `${file}: ${name}`)
  return { page: `${page}\n`, missing, strays }
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

if (import.meta.main) {
  const { page, missing, strays } = await features()
  await writeFile(join(root, 'docs', 'features.md'), page)
  for (const row of missing) console.log(`no test yet: ${row}`)
  for (const name of strays) console.error(`named after no row: ${name}`)
  process.exitCode = strays.length > 0 ? 1 : 0
}
