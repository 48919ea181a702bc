import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunOptions, Summary } from './summary.ts'

interface Report {
  testResults: {
    name: string
    status: string
    assertionResults: { fullName: string; status: string; meta?: { skipReason?: string } }[]
  }[]
}

/** The client's, the stack's and the examples' tests. */
export async function runVitest(root: string, { stackFile, chosen }: RunOptions): Promise<Summary> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-vitest-'))
  const file = join(folder, 'report.json')
  const args = [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--passWithNoTests',
    ...chosen,
  ]
  args.push('--reporter=default', '--reporter=json', `--outputFile.json=${file}`)
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TIDEMARK_STACK: stackFile },
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    const report = JSON.parse(
      await readFile(file, 'utf8').catch(() => '{"testResults":[]}'),
    ) as Report
    const summary = count(report)
    if (code !== 0 && summary.failed === 0) summary.failed = 1
    return summary
  } finally {
    await rm(folder, { recursive: true })
  }
}

function count(report: Report): Summary {
  const summary: Summary = { passed: 0, failed: 0, skipped: [] }
  for (const { status, assertionResults } of report.testResults) {
    const before = summary.failed
    for (const test of assertionResults) {
      if (test.status === 'passed') summary.passed++
      else if (test.status === 'failed') summary.failed++
      else
        summary.skipped.push({
          test: test.fullName,
          reason: test.meta?.skipReason ?? 'skipped in its file',
        })
    }
    // A file that cannot be loaded has no tests to fail.
    if (status === 'failed' && summary.failed === before) summary.failed++
  }
  return summary
}
