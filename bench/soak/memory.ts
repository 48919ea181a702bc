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
