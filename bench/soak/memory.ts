import { readdir, readFile } from 'node:fs/promises'

const kilobytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)

/** Resident memory of a process, in bytes. Linux only. */
export async function residentBytes(pid: number): Promise<number> {
  return kilobytes(await readFile(`/proc/${pid}/status`, 'utf8'), 'VmRSS') * 1024
}

/**
 * What a process and its children have for themselves, in bytes. Postgres's processes share most of
 * their memory, whose size is a setting: counted once a process it would say nothing.
 */
export async function privateBytes(parent: number): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const sizes = pids.map(async (pid) => {
    try {
      const status = await readFile(`/proc/${pid}/status`, 'utf8')
      if (Number(pid) !== parent && !status.includes(`\nPPid:\t${parent}\n`)) return 0
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
      return kilobytes(rollup, 'Private_Clean') + kilobytes(rollup, 'Private_Dirty')
    } catch {
      return 0 // it has ended meanwhile
    }
  })
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) * 1024
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** Growth within a run that is not worth a word, in bytes. */
const NOISE = 24 * 2 ** 20

/**
 * Whether memory goes on growing: after a warm-up of a third, the medians of the four parts that follow
 * rise one after the other, by more than noise and more than a tenth in all.
 */
export function growsSteadily(bytes: readonly number[]): boolean {
  const warm = bytes.slice(Math.ceil(bytes.length / 3))
  const size = Math.floor(warm.length / 4)
  if (size < 2) return false
  const parts = [0, 1, 2, 3].map((part) => median(warm.slice(part * size, (part + 1) * size)))
  const rises = parts.every((part, n) => n === 0 || part > parts[n - 1]!)
  const growth = parts[3]! - parts[0]!
  return rises && growth > NOISE && growth > parts[0]! / 10
}
