import type { PullAnswer } from '../../supabase/functions/_tidemark/wire.ts'
import type { Progress } from './events.ts'

const text = new Intl.NumberFormat('en')

function progress(
  phase: Progress['phase'],
  done: number,
  total: number | null,
  unit: string,
): Progress {
  const verb = phase === 'push' ? 'Sent' : 'Downloaded'
  const of = total === null ? '' : ` of ${text.format(total)}`
  return {
    phase,
    done,
    total,
    percentage:
      total === null ? null : total === 0 ? 100 : Math.min(100, Math.round((100 * done) / total)),
    message: `${verb} ${text.format(done)}${of} ${unit}`,
  }
}

/** After a batch: `done` edits of the `total` that waited when the push began. */
export const pushProgress = (done: number, total: number): Progress =>
  progress('push', Math.min(done, total), total, 'edits')

/** Rows and removals in a page. */
export const sizeOf = ({ changes }: Pick<PullAnswer, 'changes'>): number =>
  changes.reduce((sum, { upsert, remove }) => sum + upsert.length + remove.length, 0)

/** After a page: only a first download knows its total beforehand, any other one when it is through. */
export function pullProgress(page: PullAnswer, received: number): Progress {
  const table = page.changes.at(-1)?.table
  const { done, total } = page.progress ?? { done: received, total: page.more ? null : received }
  return { ...progress('pull', done, total, 'rows'), ...(table !== undefined && { table }) }
}
