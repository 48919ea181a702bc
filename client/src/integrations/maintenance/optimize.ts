import { deviceOf } from '../../database/meta.ts'
import { baseRow, rebase } from '../../database/rebase.ts'
import { squash } from '../../database/squash.ts'
import type { WriteTransaction } from '../../database/write-transaction.ts'
import { contentSize } from '../../model/mutation.ts'
import type { QueuedMutation } from '../../model/records.ts'
import { groupBy } from '../../util/group-by.ts'
import { omit } from '../../util/omit.ts'

/**
 * Squashes pending mutations of the same row where they can be combined. Mutations are squashed when the app makes
 * them; those that were retried, restored or rebuilt are not. Resolves to the number of mutations saved.
 */
export async function mergeUnsent({ tx, putRows, dropRows }: WriteTransaction): Promise<number> {
  const device = await deviceOf(tx)
  const { sentSeq } = device
  const rows = groupBy(
    (await tx.scan('queue')).filter(({ seq }) => seq > sentSeq),
    ({ table, id }) => `${table}\n${id}`,
  )
  let saved = 0
  for (const mutations of rows.values()) {
    if (mutations.length < 2) continue
    const [{ table, id }] = mutations as [QueuedMutation]
    const record = await tx.get('rows', [table, id])
    if (!record) continue
    const queued = await tx.scan('queue', { index: 'row', equals: [table, id] })
    // `squash` cancels an insert by a removal where the record has a single queued mutation and no base.
    const neverSent = queued.length === mutations.length && record.base == null
    const recordToSquash = neverSent ? { ...omit(record, 'base'), queued: 1 } : record
    const kept: QueuedMutation[] = []
    for (const mutation of mutations) {
      const { op, data, old, base, edited_at } = mutation
      const last = kept.at(-1)
      const content = { op, base, ...(data && { data }), ...(old && { old }) }
      const inOrder = last && edited_at >= last.edited_at
      const squashed = inOrder ? squash(last, content, recordToSquash) : undefined
      // A removal stays behind the mutations before it, which may have to take their references from the row first.
      const mustStay = squashed && op === 'delete' && mutation.seq > last!.seq + 1
      if (squashed === undefined || mustStay) kept.push(mutation)
      else
        kept.splice(
          -1,
          1,
          ...(squashed ? [{ ...squashed, edited_at, size: contentSize(squashed) }] : []),
        )
    }
    if (kept.length === mutations.length) continue
    await tx.deleteMany(
      'queue',
      mutations.map(({ seq }) => seq),
    )
    await tx.putMany('queue', kept)
    saved += mutations.length - kept.length
    const remaining = [...queued.filter(({ seq }) => seq <= sentSeq), ...kept]
    const next = rebase(record, baseRow(record), remaining)
    if (next) await putRows([next])
    else await dropRows([record])
  }
  // A squashed mutation keeps its `seq`, and may now depend on a mutation that was queued after it.
  if (saved > 0) await tx.putMany('meta', [{ ...device, needsReorder: true }])
  return saved
}
