import { omit } from '../util/omit.ts'
import type { QueuedMutation } from './records.ts'
import type { Mutation } from './wire.ts'

/** An edit in the words of the wire. */
export const toMutation = (edit: QueuedMutation): Mutation =>
  omit(edit, 'size', 'rank', 'checksum') as Mutation

/** Characters of an edit's content as JSON. */
export const contentSize = ({ data, old }: Pick<QueuedMutation, 'data' | 'old'>): number =>
  (data ? JSON.stringify(data).length : 0) + (old ? JSON.stringify(old).length : 0)

/** What a mutation does to its row. */
export type Content = Pick<QueuedMutation, 'op' | 'data' | 'old'>
