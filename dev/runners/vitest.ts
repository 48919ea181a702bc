import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunOptions, Summary } from './summary.ts'

/** The client's, the stack's and the examples' tests. */
export async function runVitest(root: string, { stackFile, chosen }: RunOptions): Promise<Summary> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-vitest-'))
  const report = join(folder, 'summary.json')
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=./dev/runners/reporter.ts']
  const child = spawn(process.execPath, [program, 'run', ...reporters, ...chosen], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TIDEMARK_STACK: stackFile, TIDEMARK_REPORT: report },
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    const summary = JSON.parse(await readFile(report, 'utf8')) as Summary
    if (code !== 0 && summary.failed === 0) summary.failed = 1
    return summary
  } catch {
    return { passed: 0, failed: 1, skipped: [] }
  } finally {
    await rm(folder, { recursive: true })
  }
}
