export interface Summary {
  passed: number
  failed: number
  skipped: { test: string; reason: string }[]
}

export interface RunOptions {
  /** Path of the running stack's stack.json. */
  stackFile: string
  /** Words from the command line that choose files; all when empty. */
  chosen: string[]
  log?: (line: string) => void
}

export function add(a: Summary, b: Summary): Summary {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: [...a.skipped, ...b.skipped],
  }
}

export function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
