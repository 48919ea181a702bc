import type { Bytes, CostFigures, Size } from './cost-figures.ts'
import { markdownTable } from './table.ts'

/** The section of docs/benchmarks.md on bytes, as paragraphs. */
export function costSection({ changes, wire, stored, million, steady }: CostFigures): string[] {
  const edits = changes.toLocaleString('en')
  const turns = steady[0]?.cycles.map((_, n) => `cycle ${n + 1}`) ?? []
  return [
    'On the wire, bytes of a change in a batch of 500, in brackets with gzip; the last two are of one call. Raw is the json of the rows alone, as the Data API takes and gives it; it answers a write with nothing and is asked by an address.',
    markdownTable(
      ['', 'raw', 'Tidemark'],
      wire.map(({ what, raw, ours }) => [what, raw ? both(raw) : '–', both(ours)]),
    ),
    'Stored, bytes of a change, heap and indexes.',
    markdownTable(
      ['', 'raw', 'Tidemark'],
      stored.map(({ what, raw, ours }) => [what, whole(raw), whole(ours)]),
    ),
    `A million edits add ${megabytes(million.heap)} to the log and ${megabytes(million.indexes)} to its indexes, by what ${million.of.toLocaleString('en')} added, until \`tidemark.purge()\` takes them away.`,
    `Heap + indexes before, and after each cycle of ${edits} edits in batches of 500 and a plain \`vacuum\`, of which the next cycle uses the room; autovacuum leaves \`plain\` and \`contacts\` alone meanwhile. HOT is the share of updates that touched no index.`,
    markdownTable(
      ['', 'before', ...turns, 'HOT'],
      steady.map(({ table, before, cycles, hot }) => [
        `\`${table}\``,
        ...[before, ...cycles].map(sizes),
        hot === null ? '–' : `${Math.round(hot * 100)} %`,
      ]),
    ),
  ]
}

/** How many bytes of log a change takes, to ten: an edit and a new row differ a little. */
export function logBytes({ entry }: CostFigures): string {
  const [less, more] = [entry.put, entry.edit]
    .map((value) => Math.round(value / 10) * 10)
    .toSorted((a, b) => a - b)
  return less === more ? `about ${more} bytes a change` : `about ${less} to ${more} bytes a change`
}

const both = ({ plain, gzip }: Bytes): string => `${whole(plain)} (${whole(gzip)})`
const whole = (value: number): string => Math.round(value).toLocaleString('en')
const sizes = ({ heap, indexes }: Size): string => `${megabytes(heap)} + ${megabytes(indexes)}`
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
