import type { Content } from '../model/mutation.ts'
import type { QueuedMutation, RowRecord } from '../model/records.ts'

/**
 * Combines two mutations of a row into one. The first is pending; the result keeps its `seq`, its base version and
 * its old values. Null where an insert that was never sent and a removal cancel each other. Undefined where they
 * cannot be combined: two patches of different columns, made on different versions, are compared by the server each
 * with the changes since its own base version.
 */
export function squash(
  first: QueuedMutation,
  second: Content & Pick<QueuedMutation, 'base'>,
  record: RowRecord,
): QueuedMutation | null | undefined {
  const { seq, table, id, base, edited_at, rank } = first
  const common = { seq, table, id, base, edited_at, size: 0, ...(rank !== undefined && { rank }) }
  if (second.op === 'delete') {
    const neverSent = first.op === 'put' && record.queued === 1 && !record.base && base === null
    return neverSent ? null : { ...common, op: 'delete', base: base ?? record.version }
  }
  if (second.op === 'put')
    return { ...common, op: 'put', ...(second.data && { data: second.data }) }
  const data = { ...first.data, ...second.data }
  if (first.op === 'put') return { ...common, op: 'put', data }
  if (
    second.base !== base &&
    !Object.keys({ ...second.data }).some((column) => column in (first.data ?? {}))
  )
    return undefined
  return { ...common, op: 'patch', data, old: { ...second.old, ...first.old } }
}
