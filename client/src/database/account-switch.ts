import type { DetachedAccountRecord, QueuedMutation, RowRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'
import { groupBy } from '../util/group-by.ts'
import type { NewId } from '../util/uuid.ts'
import { cursorOf, detachedAccountKey, deviceOf } from './meta.ts'
import { baseRow, rebase } from './rebase.ts'
import type { WriteTransaction } from './write-transaction.ts'

/**
 * Empties the store for whoever comes next, under a new name of the device. With `keep` the owner's mutations
 * and the rows they are made on are put away under the owner's account, where nothing but `takeOver` looks.
 */
export async function detachAccount(
  { tx, dropRows }: WriteTransaction,
  keep: boolean,
  newId: NewId,
): Promise<void> {
  const device = await deviceOf(tx)
  // What nobody in particular has written goes to whoever signs in.
  if (keep && device.user === null) return
  const place = await cursorOf(tx)
  const rows = await tx.scan('rows')
  const queue = await tx.scan('queue')
  const failed = await tx.scan('failed')
  if (keep && queue.length + failed.length > 0) {
    const edited = rows.filter(({ queued }) => queued)
    const name = detachedAccountKey(device.user!)
    await tx.putMany('meta', [{ name, device, queue, failed, rows: edited }])
  }
  await dropRows(rows)
  await tx.deleteMany(
    'queue',
    queue.map(({ seq }) => seq),
  )
  await tx.deleteMany(
    'failed',
    failed.map(({ seq }) => seq),
  )
  await tx.deleteMany('meta', ['history'])
  await tx.deleteMany(
    'aliases',
    (await tx.scan('aliases')).map(({ local }) => local),
  )
  await tx.putMany('meta', [
    {
      name: 'device',
      id: newId(),
      user: null,
      seq: 0,
      sentSeq: 0,
      completed: 0,
      ownerGeneration: (device.ownerGeneration ?? 0) + 1,
      ...(device.info && { info: device.info }),
    },
    // Whatever is on its way was asked for by somebody else.
    { name: 'cursor', cursor: null, pages: place.pages + 1 },
  ])
}

/**
 * Makes the store `user`'s. Resolves to false, and does nothing, where that would cost its owner mutations that
 * the server has not taken.
 */
export async function changeOwner(
  transaction: WriteTransaction,
  user: string,
  newId: NewId,
): Promise<boolean> {
  const { tx } = transaction
  const owner = (await deviceOf(tx)).user
  if (owner === user) return true
  if (owner !== null) {
    if ((await countUnsent(tx)) > 0) return false
    await detachAccount(transaction, false, newId)
  }
  await restoreAccount(transaction, user)
  return true
}

/** Mutations that the server has not taken. */
export const countUnsent = async (tx: Transaction): Promise<number> =>
  (await tx.count('queue')) + (await tx.count('failed'))

/**
 * Gives the store to `user`, with the mutations that were put away for them; mutations made since by nobody in
 * particular follow behind.
 */
async function restoreAccount({ tx, putRows }: WriteTransaction, user: string): Promise<void> {
  const device = await deviceOf(tx)
  const detached = (await tx.get('meta', detachedAccountKey(user))) as
    DetachedAccountRecord | undefined
  if (!detached) return tx.putMany('meta', [{ ...device, user }])
  const waiting = await tx.scan('queue')
  const rows = await tx.scan('rows')
  let { seq } = detached.device
  const behind = waiting.map((mutation): QueuedMutation => ({ ...mutation, seq: ++seq }))
  await tx.deleteMany(
    'queue',
    waiting.map((mutation) => mutation.seq),
  )
  const mutations = [...detached.queue, ...behind]
  await tx.putMany('queue', mutations)
  const failed = await tx.scan('failed')
  await tx.deleteMany(
    'failed',
    failed.map((mutation) => mutation.seq),
  )
  await tx.putMany('failed', [
    ...detached.failed,
    ...failed.map((mutation) => ({ ...mutation, seq: ++seq })),
  ])
  await putRows(rebaseAll([...rows, ...detached.rows], mutations))
  const { ownerGeneration = 0 } = device
  await tx.putMany('meta', [{ ...detached.device, seq, user, ownerGeneration }])
  await tx.deleteMany('meta', [detachedAccountKey(user)])
}

function rebaseAll(rows: readonly RowRecord[], mutations: readonly QueuedMutation[]): RowRecord[] {
  const byRow = groupBy(mutations, ({ table, id }) => `${table}\n${id}`)
  const records = new Map(rows.map((record) => [`${record.table}\n${record.id}`, record]))
  return [...records].flatMap(([key, record]) => {
    const next = rebase(record, baseRow(record), byRow.get(key) ?? [])
    return next ? [next] : []
  })
}
