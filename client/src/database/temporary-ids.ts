import type { Id, KeyAssigned } from '../model/key.ts'
import type { QueuedMutation, RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Transaction } from '../storage/contract.ts'
import type { LocalWrite } from './enqueue.ts'
import { baseRow, rebase } from './rebase.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** Stand-ins are integers from here down: no sequence gets there, and a double still holds them exactly. */
const FIRST = -(2 ** 52)

/** A key that stands in for one that the server will make: a negative number that no other row has. */
export function temporaryId(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
  return FIRST - ((high % 2 ** 20) * 2 ** 32 + low)
}

/** True for a stand-in, as a number or as text. */
export function isTemporaryId(value: unknown): boolean {
  if (typeof value === 'string') return /^-\d{16}$/.test(value) && isTemporaryId(Number(value))
  return typeof value === 'number' && value <= FIRST && Number.isSafeInteger(value)
}

/** A mutation that makes a row whose key the server has yet to make. */
export const waitsForId = (
  { table, op, id }: QueuedMutation,
  tables: ReadonlySet<string>,
): boolean => op === 'put' && tables.has(table) && isTemporaryId(id)

/** How many rows of each table wait for a key. */
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
 * Gives rows of a table that wait for a key the keys that the server has made, in their own records and
 * wherever a queued mutation names them. Keys that are left over are not used.
 */
export async function assign(
  transaction: WriteTransaction,
  table: string,
  keys: readonly string[],
): Promise<KeyAssigned[]> {
  const { tx, putRows, dropRows } = transaction
  const queue = await tx.scan('queue')
  const waiting = queue.filter((mutation) => waitsForId(mutation, new Set([table])))
  const remote = new Map<string, Id>()
  for (const [place, { id }] of waiting.slice(0, keys.length).entries())
    remote.set(id, asId(keys[place]!))
  const assigned = [...remote].map(([local, id]) => ({ table, local: Number(local), remote: id }))
  const renamed = <E extends QueuedMutation>(mutation: E): E => {
    const own = mutation.table === table ? remote.get(mutation.id) : undefined
    return {
      ...mutation,
      ...(own !== undefined && { id: String(own) }),
      ...(mutation.data && { data: replaced(mutation.data, remote) }),
      ...(mutation.old && { old: replaced(mutation.old, remote) }),
    }
  }
  const names = (row: Row | undefined): boolean =>
    Object.values(row ?? {}).some((value) => isTemporaryId(value) && remote.has(String(value)))
  const changed = (mutation: QueuedMutation): boolean =>
    (mutation.table === table && remote.has(mutation.id)) ||
    names(mutation.data) ||
    names(mutation.old)

  const touched = queue.filter(changed)
  await tx.putMany('queue', touched.map(renamed))
  await tx.putMany('failed', (await tx.scan('failed')).filter(changed).map(renamed))
  await tx.putMany(
    'aliases',
    assigned.map((each) => ({ ...each, local: String(each.local) })),
  )

  const ids = new Map(touched.map((mutation) => [`${mutation.table}\n${mutation.id}`, mutation]))
  const held = await tx.getMany(
    'rows',
    [...ids.values()].map((mutation) => [mutation.table, mutation.id] as const),
  )
  const gone: RowRecord[] = []
  const records: RowRecord[] = []
  for (const record of held) {
    if (!record) continue
    const own = record.table === table ? remote.get(record.id) : undefined
    if (own !== undefined) gone.push(record)
    const id = own === undefined ? record.id : String(own)
    const mutations = await tx.scan('queue', { index: 'row', equals: [record.table, id] })
    const base = baseRow(record)
    const next = rebase({ ...record, id }, base && replaced(base, remote), mutations)
    if (next) records.push({ ...next, ...(record.local && { local: record.local }) })
  }
  await dropRows(gone)
  await putRows(records)
  return assigned
}

/** A row in which keys stand in place of stand-ins. */
function replaced(row: Row, by: ReadonlyMap<string, Id>): Row {
  const next: Row = {}
  for (const [column, value] of Object.entries(row))
    next[column] = (isTemporaryId(value) ? by.get(String(value)) : undefined) ?? value
  return next
}

/** A key as the database prints it: a number where a double holds it. */
const asId = (text: string): Id => (Number.isSafeInteger(Number(text)) ? Number(text) : text)

/** The key of a row by which the app knows it, which may be a stand-in that has been given one since. */
export async function resolvedId(tx: Transaction, id: string): Promise<string> {
  const alias = isTemporaryId(id) ? await tx.get('aliases', id) : undefined
  return alias ? String(alias.remote) : id
}

/**
 * Makes up a key for each row that comes without one. In a transaction, gives the mutations with these keys, and
 * with keys in place of stand-ins that have been given one since the app read them. `key` is the column of
 * the primary key.
 */
export function withTemporaryIds(
  mutations: readonly LocalWrite[],
  key: string,
): (tx: Transaction) => Promise<LocalWrite[]> {
  const made = mutations.map(({ op, data }) =>
    op === 'put' && data && data[key] == null ? temporaryId() : undefined,
  )
  return async (tx) => {
    const named: LocalWrite[] = []
    for (const [place, mutation] of mutations.entries()) {
      const id = made[place]
      const data = mutation.data && (await resolved(tx, mutation.data))
      if (id === undefined)
        named.push({ ...mutation, id: await resolvedId(tx, mutation.id), ...(data && { data }) })
      else named.push({ ...mutation, id: String(id), data: { ...data, [key]: id } })
    }
    return named
  }
}

/** `row` with keys in place of stand-ins that have been given one since the app read them. */
async function resolved(tx: Transaction, row: Row): Promise<Row> {
  const columns = Object.keys(row).filter((column) => isTemporaryId(row[column]))
  if (columns.length === 0) return row
  const names = columns.map((column) => String(row[column]))
  const found = (await tx.getMany('aliases', names)).filter((alias) => alias !== undefined)
  return replaced(row, new Map(found.map(({ local, remote }) => [local, remote])))
}
