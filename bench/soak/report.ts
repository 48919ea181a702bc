import { markdownTable } from '../table.ts'
import type { Soak } from './index.ts'

/** The soak's sizes as cells under a head. */
export function soakRows({ series }: Soak): string[][] {
  const rows = series.map(({ name, bytes, ratio, verdict }) => [
    name,
    `${megabytes(bytes[0]!)} MB`,
    `${megabytes(bytes.at(-1)!)} MB`,
    ratio.toFixed(2),
    verdict,
  ])
  return [['', 'start', 'end', 'last third ÷ second', 'verdict'], ...rows]
}

/** What the devices did, as one sentence. */
export function soakSummary({ seconds, devices, edits, syncs, errors, rows, held }: Soak): string {
  const counts = [
    `${count(edits)} edits`,
    `${count(syncs)} syncs`,
    `${count(errors)} of them failed`,
  ]
  const load = `${devices} devices of one user edited without end for ${Number((seconds / 60).toFixed(1))} min`
  return `${load}: ${counts.join(', ')}. At the end the database held ${count(rows)} rows, the devices ${held.map(count).join(', ')}.`
}

/** The section of docs/benchmarks.md on memory, as paragraphs. */
export function soakSection(soak: Soak): string[] {
  const [head, ...rows] = soakRows(soak)
  return [soakSummary(soak), markdownTable(head!, rows), explanation]
}

const explanation = `All devices are one process. A heap is what a forced garbage collection leaves, buffers included; that of Postgres is not known, and its RSS is what its processes do not share. The first third of the run is warm-up; a size is still rising where the last third's median is over the second's by more than 5 % and 1 MB.`

/** Bytes as MB, with one decimal. */
export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
const count = (value: number): string => value.toLocaleString('en')
