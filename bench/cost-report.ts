import type { Bytes, CostFigures } from './cost.ts'
import { markdownTable } from './table.ts'

/** The section of docs/benchmarks.md on bytes, as paragraphs. */
export function costSection({ changes, wire, stored, million, steady }: CostFigures): string[] {
  const sizes = ({ heap, indexes }: { heap: number; indexes: number }) =>
    `${megabytes(heap)} + ${megabytes(indexes)}`
  return [
    'On the wire, bytes of a change in a batch of 500, in brackets with gzip. Raw is the json of the rows alone, as the Data API takes and gives it.',
    markdownTable(
      ['', 'raw', 'Tidemark'],
      wire.map(({ what, raw, ours }) => [what, raw ? both(raw) : '–', both(ours)]),
    ),
    'Stored, bytes of a new row, heap and indexes.',
    markdownTable(
      ['', 'raw', 'Tidemark'],
      stored.map(({ what, raw, ours }) => [what, whole(raw), whole(ours)]),
    ),
    `A million edits add ${megabytes(million.heap)} to the log and ${megabytes(million.indexes)} to its indexes, until \`tidemark.purge()\` takes them away.`,
    `After ${changes.toLocaleString('en')} edits in batches of 500, with autovacuum as it comes: heap + indexes before, after, and once vacuumed; dead rows are those that wait for vacuum, HOT is the share of updates that touched no index.`,
    markdownTable(
      ['', 'before', 'after', 'vacuumed', 'dead rows', 'HOT'],
      steady.map(({ table, before, after, vacuumed, dead, hot }) => [
        `\`${table}\``,
        sizes(before),
        sizes(after),
        sizes(vacuumed),
        dead.toLocaleString('en'),
        hot === null ? '–' : `${Math.round(hot * 100)} %`,
      ]),
    ),
  ]
}

const both = ({ plain, gzip }: Bytes): string => `${whole(plain)} (${whole(gzip)})`
const whole = (value: number): string => Math.round(value).toLocaleString('en')
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
