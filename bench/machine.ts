import { execFileSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'

/** Where and when something was measured. */
export interface Machine {
  /** ISO 8601. */
  at: string
  /** Null outside of a clone. */
  commit: string | null
  node: string
  cpus: string
  /** Of the last fifteen minutes, what was measured included. */
  load: number
  memory_gb: number
}

export function machine(): Machine {
  return {
    at: new Date().toISOString(),
    commit: commit(),
    node: process.version,
    cpus: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    load: Number(loadavg()[2]!.toFixed(1)),
    memory_gb: Math.round(totalmem() / 2 ** 30),
  }
}

function commit(): string | null {
  const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim()
  } catch {
    return null
  }
}
