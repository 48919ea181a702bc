import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'
import type { Summary } from './summary.ts'

/** Hands the counts to the test command, with the reasons that skipped tests give. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const summary: Summary = { passed: 0, failed: unhandled.length, skipped: [] }
    for (const module of modules) {
      const before = summary.failed
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') summary.passed++
        else if (result.state === 'failed') summary.failed++
        else {
          const reason = (result.state === 'skipped' && result.note) || 'skipped in its file'
          summary.skipped.push({ test: test.fullName, reason })
        }
      }
      // A file that cannot be loaded has no tests to fail.
      if (module.state() === 'failed' && summary.failed === before) summary.failed++
    }
    writeFileSync(process.env.TIDEMARK_REPORT!, JSON.stringify(summary))
  }
}
