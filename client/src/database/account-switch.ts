import { groupBy } from '../util/group-by.ts'
import type { NewId } from '../util/uuid.ts'
import { baseOf, stack } from '../model/row.ts'
import type { ParkedRecord, QueuedEdit, RowRecord, Transaction } from '../storage/contract.ts'
import { cursorOf, deviceOf, parkedKey } from './meta.ts'
import type { Draft } from './store.ts'

/**
 * Empties the store for whoever comes next, under a new name of the device. With `keep` the owner's edits
 * and the rows they are made on are put away under the owner's account, where nothing but `takeOver` looks.
 */
export async function handOver({ tx, drop }: Draft, keep: boolean, newId: NewId): Promise<void> {
  const device = await deviceOf(tx)
  // What nobody in particular has written goes to whoever signs in.
  if (keep && device.user === null) return
  const place = await cursorOf(tx)
  const rows = await tx.scan('rows')
  const queue = await tx.scan('queue')
  const failed = await tx.scan('failed')
  if (keep && queue.length + failed.length > 0) {
    const edited = rows.filter(({ edits }) => edits)
    const name = parkedKey(device.user!)
    await tx.putMany('meta', [{ name, device, queue, failed, rows: edited }])
  }
  await drop(rows)
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
      sent: 0,
      completed: 0,
      hands: (device.hands ?? 0) + 1,
      ...(device.info && { info: device.info }),
    },
    // Whatever is on its way was asked for by somebody else.
    { name: 'cursor', cursor: null, pages: place.pages + 1 },
  ])
}

/**
 * Makes the store `user`'s. Resolves to false, and does nothing, where that would cost its owner edits that
 * the server has not taken.
 */
export async function changeOwner(draft: Draft, user: string, newId: NewId): Promise<boolean> {
  const { tx } = draft
  const owner = (await deviceOf(tx)).user
  if (owner === user) return true
  if (owner !== null) {
    if ((await unsent(tx)) > 0) return false
    await handOver(draft, false, newId)
  }
  await takeOver(draft, user)
  return true
}

/** Edits that the server has not taken. */
export const unsent = async (tx: Transaction): Promise<number> =>
  (await tx.count('queue')) + (await tx.count('failed'))

/**
 * Gives the store to `user`, with the edits that were put away for them; edits made since by nobody in
 * particular follow behind.
 */
async function takeOver({ tx, put }: Draft, user: string): Promise<void> {
  const device = await deviceOf(tx)
  const parked = (await tx.get('meta', parkedKey(user))) as ParkedRecord | undefined
  if (!parked) return tx.putMany('meta', [{ ...device, user }])
  const waiting = await tx.scan('queue')
  const rows = await tx.scan('rows')
  let { seq } = parked.device
  const behind = waiting.map((edit): QueuedEdit => ({ ...edit, seq: ++seq }))
  await tx.deleteMany(
    'queue',
    waiting.map((edit) => edit.seq),
  )
  const edits = [...parked.queue, ...behind]
  await tx.putMany('queue', edits)
  const failed = await tx.scan('failed')
  await tx.deleteMany(
    'failed',
    failed.map((edit) => edit.seq),
  )
  await tx.putMany('failed', [...parked.failed, ...failed.map((edit) => ({ ...edit, seq: ++seq }))])
  await put(restacked([...rows, ...parked.rows], edits))
  const { hands = 0 } = device
  await tx.putMany('meta', [{ ...parked.device, seq, user, hands }])
  await tx.deleteMany('meta', [parkedKey(user)])
}

function restacked(rows: readonly RowRecord[], edits: readonly QueuedEdit[]): RowRecord[] {
  const byRow = groupBy(edits, ({ table, id }) => `${table}\n${id}`)
  const records = new Map(rows.map((record) => [`${record.table}\n${record.id}`, record]))
  return [...records].flatMap(([key, record]) => {
    const next = stack(record, baseOf(record), byRow.get(key) ?? [])
    return next ? [next] : []
  })
}
