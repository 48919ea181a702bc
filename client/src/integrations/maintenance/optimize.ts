import { deviceOf } from '../../database/meta.ts'
import { baseRow, rebase } from '../../database/rebase.ts'
import { squash } from '../../database/squash.ts'
import type { WriteTransaction } from '../../database/write-transaction.ts'
import { contentSize } from '../../model/mutation.ts'
import type { QueuedMutation } from '../../model/records.ts'
import { groupBy } from '../../util/group-by.ts'
import { omit } from '../../util/omit.ts'

/**
 * Makes one mutation of those of a row that were not sent and can be one. The app's own mutations are
 * squashed as they come in; what was retried, restored or rebuilt is not. Resolves to how many fewer
 * there are.
 */
export async function mergeUnsent({ tx, putRows, dropRows }: WriteTransaction): Promise<number> {
  const device = await deviceOf(tx)
  const { sentSeq } = device
  const rows = groupBy(
    (await tx.scan('queue')).filter(({ seq }) => seq > sentSeq),
    ({ table, id }) => `${table}\n${id}`,
  )
  let fewer = 0
  for (const mutations of rows.values()) {
    if (mutations.length < 2) continue
    const [{ table, id }] = mutations as [QueuedMutation]
    const record = await tx.get('rows', [table, id])
    if (!record) continue
    const all = await tx.scan('queue', { index: 'row', equals: [table, id] })
    // What is left where it was made and removed here must look alone to the rule that drops it.
    const alone = { ...omit(record, 'base'), queued: 1 }
    const view = all.length === mutations.length && record.base == null ? alone : record
    const kept: QueuedMutation[] = []
    for (const mutation of mutations) {
      const { op, data, old, base, edited_at } = mutation
      const last = kept.at(-1)
      const content = { op, base, ...(data && { data }), ...(old && { old }) }
      const can = last && edited_at >= last.edited_at
      const one = can ? squash(last, content, view) : undefined
      // Other rows may have to leave this one first.
      const waits = one && op === 'delete' && mutation.seq > last!.seq + 1
      if (one === undefined || waits) kept.push(mutation)
      else kept.splice(-1, 1, ...(one ? [{ ...one, edited_at, size: contentSize(one) }] : []))
    }
    if (kept.length === mutations.length) continue
    await tx.deleteMany(
      'queue',
      mutations.map(({ seq }) => seq),
    )
    await tx.putMany('queue', kept)
    fewer += mutations.length - kept.length
    const rest = [...all.filter(({ seq }) => seq <= sentSeq), ...kept]
    const next = rebase(record, baseRow(record), rest)
    if (next) await putRows([next])
    else await dropRows([record])
  }
  // What kept its place may have come to need what was queued since.
  if (fewer > 0) await tx.putMany('meta', [{ ...device, needsReorder: true }])
  return fewer
}
