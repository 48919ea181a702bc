import type { Id, KeyAssigned } from '../model/key.ts'
import type { QueuedMutation, RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Transaction } from '../storage/contract.ts'
import type { LocalWrite } from './enqueue.ts'
import { baseRow, rebase } from './rebase.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** Temporary ids are integers up to this one: no sequence reaches them, and a double holds them exactly. */
const HIGHEST_TEMPORARY_ID = -(2 ** 52)

/** A new random temporary id: a negative number, until the server makes the row's key. */
export function temporaryId(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
  return HIGHEST_TEMPORARY_ID - ((high % 2 ** 20) * 2 ** 32 + low)
}

/** True for a temporary id, as a number or as text. */
export function isTemporaryId(value: unknown): boolean {
  if (typeof value === 'string') return /^-\d{16}$/.test(value) && isTemporaryId(Number(value))
  return typeof value === 'number' && value <= HIGHEST_TEMPORARY_ID && Number.isSafeInteger(value)
}

/** True for the insert of a row whose key the server has not made yet. */
export const waitsForId = (
  { table, op, id }: QueuedMutation,
  tables: ReadonlySet<string>,
): boolean => op === 'put' && tables.has(table) && isTemporaryId(id)

/** Number of queued inserts that wait for a key of the server, by table. */
export async function countWaitingForId(
  tx: Transaction,
  tables: ReadonlySet<string>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const mutation of await tx.scan('queue'))
    if (waitsForId(mutation, tables))
      counts.set(mutation.table, (counts.get(mutation.table) ?? 0) + 1)
  return counts
}

/**
 * Replaces temporary ids of `table` by keys that the server has made, in the rows, in queued and rejected mutations
 * and in every reference to these rows. Surplus keys are not used.
 */
export async function assignServerIds(
  transaction: WriteTransaction,
  table: string,
  keys: readonly string[],
): Promise<KeyAssigned[]> {
  const { tx } = transaction
  const queue = await tx.scan('queue')
  const waiting = queue.filter((mutation) => waitsForId(mutation, new Set([table])))
  const serverIds = new Map<string, Id>()
  for (const [index, { id }] of waiting.slice(0, keys.length).entries())
    serverIds.set(id, asId(keys[index]!))
  const assigned = [...serverIds].map(([local, remote]) => ({
    table,
    local: Number(local),
    remote,
  }))
  const references = (row: Row | undefined): boolean =>
    Object.values(row ?? {}).some((value) => isTemporaryId(value) && serverIds.has(String(value)))
  const isAffected = (mutation: QueuedMutation): boolean =>
    (mutation.table === table && serverIds.has(mutation.id)) ||
    references(mutation.data) ||
    references(mutation.old)
  const withServerIds = <M extends QueuedMutation>(mutation: M): M => {
    const id = mutation.table === table ? serverIds.get(mutation.id) : undefined
    return {
      ...mutation,
      ...(id !== undefined && { id: String(id) }),
      ...(mutation.data && { data: replaceIds(mutation.data, serverIds) }),
      ...(mutation.old && { old: replaceIds(mutation.old, serverIds) }),
    }
  }

  const affected = queue.filter(isAffected)
  await tx.putMany('queue', affected.map(withServerIds))
  await tx.putMany('failed', (await tx.scan('failed')).filter(isAffected).map(withServerIds))
  await tx.putMany(
    'aliases',
    assigned.map((each) => ({ ...each, local: String(each.local) })),
  )
  await renameRows(transaction, affected, table, serverIds)
  return assigned
}

/** Stores the rows of `mutations` under their new keys and with the new keys in their references. */
async function renameRows(
  { tx, putRows, dropRows }: WriteTransaction,
  mutations: readonly QueuedMutation[],
  renamedTable: string,
  serverIds: ReadonlyMap<string, Id>,
): Promise<void> {
  const keys = new Map(mutations.map(({ table, id }) => [`${table}\n${id}`, [table, id] as const]))
  const dropped: RowRecord[] = []
  const renamed: RowRecord[] = []
  for (const record of await tx.getMany('rows', [...keys.values()])) {
    if (!record) continue
    const serverId = record.table === renamedTable ? serverIds.get(record.id) : undefined
    if (serverId !== undefined) dropped.push(record)
    const id = serverId === undefined ? record.id : String(serverId)
    const queued = await tx.scan('queue', { index: 'row', equals: [record.table, id] })
    const base = baseRow(record)
    const next = rebase({ ...record, id }, base && replaceIds(base, serverIds), queued)
    if (next) renamed.push({ ...next, ...(record.local && { local: record.local }) })
  }
  await dropRows(dropped)
  await putRows(renamed)
}

/** A row whose temporary ids are replaced by the server's keys. */
function replaceIds(row: Row, serverIds: ReadonlyMap<string, Id>): Row {
  const next: Row = {}
  for (const [column, value] of Object.entries(row))
    next[column] = (isTemporaryId(value) ? serverIds.get(String(value)) : undefined) ?? value
  return next
}

/** A key that came as text: a number where a double holds it exactly. */
const asId = (text: string): Id => (Number.isSafeInteger(Number(text)) ? Number(text) : text)

/** The current key of a row: the server's key in place of a temporary id that it has replaced. */
export async function currentId(tx: Transaction, id: string): Promise<string> {
  const alias = isTemporaryId(id) ? await tx.get('aliases', id) : undefined
  return alias ? String(alias.remote) : id
}

/**
 * Gives each insert without a key a temporary id. Returns a function that is called in a transaction: it resolves
 * to the writes with these ids, and with the server's keys in place of temporary ids that have been replaced since
 * the app read them. `key` is the column of the primary key.
 */
export function withTemporaryIds(
  writes: readonly LocalWrite[],
  key: string,
): (tx: Transaction) => Promise<LocalWrite[]> {
  const newIds = writes.map(({ op, data }) =>
    op === 'put' && data && data[key] == null ? temporaryId() : undefined,
  )
  return async (tx) => {
    const result: LocalWrite[] = []
    for (const [index, write] of writes.entries()) {
      const newId = newIds[index]
      const data = write.data && (await withCurrentIds(tx, write.data))
      if (newId === undefined)
        result.push({ ...write, id: await currentId(tx, write.id), ...(data && { data }) })
      else result.push({ ...write, id: String(newId), data: { ...data, [key]: newId } })
    }
    return result
  }
}

/** A row in which the server's keys stand in place of temporary ids that they have replaced. */
async function withCurrentIds(tx: Transaction, row: Row): Promise<Row> {
  const columns = Object.keys(row).filter((column) => isTemporaryId(row[column]))
  if (columns.length === 0) return row
  const ids = columns.map((column) => String(row[column]))
  const aliases = (await tx.getMany('aliases', ids)).filter((alias) => alias !== undefined)
  return replaceIds(row, new Map(aliases.map(({ local, remote }) => [local, remote])))
}
