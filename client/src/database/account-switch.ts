import type { DetachedAccountRecord, QueuedMutation, RowRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'
import { groupBy } from '../util/group-by.ts'
import type { NewId } from '../util/uuid.ts'
import { cursorOf, detachedAccountKey, deviceOf } from './meta.ts'
import { baseRow, rebase } from './rebase.ts'
import type { WriteTransaction } from './write-transaction.ts'

/**
 * Empties the store for another user and gives the device a new id. With `keep` the owner's unsent mutations and
 * their rows are kept in a `DetachedAccountRecord`, which only `restoreAccount` reads.
 */
export async function detachAccount(
  { tx, dropRows }: WriteTransaction,
  keep: boolean,
  newId: NewId,
): Promise<void> {
  const device = await deviceOf(tx)
  // Mutations that were made before any user signed in belong to the next user who signs in.
  if (keep && device.user === null) return
  const { pages } = await cursorOf(tx)
  const rows = await tx.scan('rows')
  const queue = await tx.scan('queue')
  const failed = await tx.scan('failed')
  if (keep && queue.length + failed.length > 0) {
    const queuedRows = rows.filter(({ queued }) => queued)
    const name = detachedAccountKey(device.user!)
    await tx.putMany('meta', [{ name, device, queue, failed, rows: queuedRows }])
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
    // A page that was requested for the previous owner is stale.
    { name: 'cursor', cursor: null, pages: pages + 1 },
  ])
}

/**
 * Makes `user` the owner of the store. Resolves to false, and does nothing, where the store holds unsent mutations of
 * another owner.
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

/** Number of mutations that the server has not acknowledged: queued and rejected. */
export const countUnsent = async (tx: Transaction): Promise<number> =>
  (await tx.count('queue')) + (await tx.count('failed'))

/**
 * Makes `user` the owner of a store without an owner. Restores the mutations that were kept for them; mutations that
 * were made without an owner are queued behind these.
 */
async function restoreAccount({ tx, putRows }: WriteTransaction, user: string): Promise<void> {
  const device = await deviceOf(tx)
  const detached = (await tx.get('meta', detachedAccountKey(user))) as
    DetachedAccountRecord | undefined
  if (!detached) return tx.putMany('meta', [{ ...device, user }])
  const ownerless = await tx.scan('queue')
  const rows = await tx.scan('rows')
  let { seq } = detached.device
  const renumbered = ownerless.map((mutation): QueuedMutation => ({ ...mutation, seq: ++seq }))
  await tx.deleteMany(
    'queue',
    ownerless.map((mutation) => mutation.seq),
  )
  const mutations = [...detached.queue, ...renumbered]
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

/** The records of `rows` with `mutations` on top; without those that neither the server nor a mutation has. */
function rebaseAll(rows: readonly RowRecord[], mutations: readonly QueuedMutation[]): RowRecord[] {
  const byRow = groupBy(mutations, ({ table, id }) => `${table}\n${id}`)
  const records = new Map(rows.map((record) => [`${record.table}\n${record.id}`, record]))
  return [...records].flatMap(([key, record]) => {
    const next = rebase(record, baseRow(record), byRow.get(key) ?? [])
    return next ? [next] : []
  })
}
