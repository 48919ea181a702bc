import type { Content } from '../model/mutation.ts'
import type { QueuedMutation, RowRecord } from '../model/records.ts'

/**
 * Two mutations of a row as one. The first has not been sent; it keeps its place, its base and what its
 * columns were before. Null where the row was made and removed again without the server hearing of it.
 * Undefined where they have to stay two: made on another version, of other columns, each is compared with
 * what others did since its own.
 */
export function squash(
  first: QueuedMutation,
  then: Content & Pick<QueuedMutation, 'base'>,
  record: RowRecord,
): QueuedMutation | null | undefined {
  const { seq, table, id, base, edited_at, rank } = first
  const common = { seq, table, id, base, edited_at, size: 0, ...(rank !== undefined && { rank }) }
  if (then.op === 'delete') {
    const unknown = first.op === 'put' && record.queued === 1 && !record.base && base === null
    return unknown ? null : { ...common, op: 'delete', base: base ?? record.version }
  }
  if (then.op === 'put') return { ...common, op: 'put', ...(then.data && { data: then.data }) }
  const data = { ...first.data, ...then.data }
  if (first.op === 'put') return { ...common, op: 'put', data }
  if (
    then.base !== base &&
    !Object.keys({ ...then.data }).some((column) => column in (first.data ?? {}))
  )
    return undefined
  return { ...common, op: 'patch', data, old: { ...then.old, ...first.old } }
}
