import type { Progress } from '../model/report.ts'
import type { PullAnswer } from '../model/wire.ts'

const formatCount = (count: number): string => count.toLocaleString('en')

/** The progress of a phase, with a message such as "Sent 10 of 20 edits". */
const progress = (
  phase: Progress['phase'],
  [verb, unit]: readonly [string, string],
  done: number,
  total: number | null,
): Progress => ({
  phase,
  done,
  total,
  percentage: total ? Math.min(100, Math.round((100 * done) / total)) : total === 0 ? 100 : null,
  message: `${verb} ${formatCount(done)}${total === null ? '' : ` of ${formatCount(total)}`} ${unit}`,
})

/** The progress after a batch: `done` mutations of the `total` that were queued when the push began. */
export const pushProgress = (done: number, total: number): Progress =>
  progress('push', ['Sent', 'edits'], Math.min(done, total), total)

/** Number of rows and removals on a page. */
export const rowsOnPage = ({ changes }: Pick<PullAnswer, 'changes'>): number =>
  changes.reduce((sum, { upsert, remove }) => sum + upsert.length + remove.length, 0)

/** The progress after a page. Only the initial sync knows its total from the start; other pulls learn it at the end. */
export function pullProgress(page: PullAnswer, received: number): Progress {
  const table = page.changes.at(-1)?.table
  const { done, total } = page.progress ?? { done: received, total: page.more ? null : received }
  return {
    ...progress('pull', ['Downloaded', 'rows'], done, total),
    ...(table !== undefined && { table }),
  }
}
