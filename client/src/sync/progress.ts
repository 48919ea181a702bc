import type { Progress } from '../model/report.ts'
import type { PullAnswer } from '../model/wire.ts'

const text = (count: number): string => count.toLocaleString('en')

/** `verb` and `unit` are what the message says. */
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
  message: `${verb} ${text(done)}${total === null ? '' : ` of ${text(total)}`} ${unit}`,
})

/** After a batch: `done` edits of the `total` that waited when the push began. */
export const pushProgress = (done: number, total: number): Progress =>
  progress('push', ['Sent', 'edits'], Math.min(done, total), total)

/** Rows and removals in a page. */
export const rowsOnPage = ({ changes }: Pick<PullAnswer, 'changes'>): number =>
  changes.reduce((sum, { upsert, remove }) => sum + upsert.length + remove.length, 0)

/** After a page: only a first download knows its total beforehand, any other one when it is through. */
export function pullProgress(page: PullAnswer, received: number): Progress {
  const table = page.changes.at(-1)?.table
  const { done, total } = page.progress ?? { done: received, total: page.more ? null : received }
  return {
    ...progress('pull', ['Downloaded', 'rows'], done, total),
    ...(table !== undefined && { table }),
  }
}
