import { type Inspector, inspect } from './inspector.ts'
import { privateBytes, residentBytes } from './memory.ts'

/** One size of one part of the system. */
export interface Meter {
  name: string
  /** In bytes. */
  read(): Promise<number>
}

/** A process with a V8 in it, and the port of its inspector. */
export interface Inspected {
  name: string
  pid: number
  port: number
}

/**
 * What there is to measure: resident memory and, after a forced garbage collection, the heap of each
 * process with one; of Postgres, which has none, the memory that its processes do not share.
 */
export async function connectMeters(
  processes: readonly Inspected[],
  postgres: number,
): Promise<{ meters: Meter[]; close: () => void }> {
  const inspectors: Inspector[] = []
  const meters: Meter[] = []
  for (const { name, pid, port } of processes) {
    const inspector = await inspect(port)
    inspectors.push(inspector)
    meters.push(
      // First, so that it is the size which the load makes and not that of a heap just tidied.
      { name: `${name} RSS`, read: () => residentBytes(pid) },
      { name: `${name} heap`, read: () => inspector.heap() },
    )
  }
  meters.push({ name: 'Postgres RSS', read: () => privateBytes(postgres) })
  return { meters, close: () => inspectors.forEach((inspector) => inspector.close()) }
}
