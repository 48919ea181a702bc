import { omit } from '../util/omit.ts'
import type { QueuedMutation } from './records.ts'
import type { Mutation } from './wire.ts'

/** A queued mutation in the wire format. */
export const toMutation = (mutation: QueuedMutation): Mutation =>
  omit(mutation, 'size', 'rank', 'checksum') as Mutation

/** Number of characters of a mutation's content as JSON. */
export const contentSize = ({ data, old }: Pick<QueuedMutation, 'data' | 'old'>): number =>
  (data ? JSON.stringify(data).length : 0) + (old ? JSON.stringify(old).length : 0)

/** What a mutation does to its row. */
export type Content = Pick<QueuedMutation, 'op' | 'data' | 'old'>
