import { cursorOf } from '../database/meta.ts'
import { prunedTables } from '../database/prune.ts'
import { baseRow, rebase } from '../database/rebase.ts'
import { releaseRows } from '../database/resync.ts'
import type { Store } from '../database/store.ts'
import type { Row } from '../model/row.ts'
import type { Checksum, Sum, Verification } from '../model/verification.ts'
import type { Requests } from '../transport/requests.ts'
import { md5 } from '../util/md5.ts'
import type { SyncContext } from './context.ts'

/** A row as far as checksums go. */
interface Item {
  id: string
  version: number
  /** md5 of the id: its place where a set is divided. */
  hash: string
  checksum: number
}

/** Rows that differ: id → whether the server has it. */
type Differences = Map<string, boolean>

/** A row as the server has it. */
interface ServerRow {
  scope: string
  row: Row
}

/** Rows asked for at once. */
const AT_ONCE = 1_000

/**
 * Compares tables with the server's by checksums, scope by scope, and fetches what differs (`heal`), nothing else.
 * Tables that hold only a part of the server's rows, for `maxRecords` or `storageLimit`, are left out.
 */
export async function verifyTables(
  { settings, owner, requests, events }: SyncContext,
  tables: readonly string[],
  heal = true,
): Promise<Verification> {
  const store = owner.guarded
  const partial = prunedTables(await store.read(cursorOf), settings)
  const whole = tables.filter((table) => !partial.includes(table))
  const found = await compareTables(
    { store, keys: settings.keys, call: requests.call },
    whole,
    heal,
  )
  events.emit('verified', found)
  return found
}

interface CompareDeps {
  store: Store
  /** Tables with the column that is their primary key. */
  keys: ReadonlyMap<string, string>
  call: Requests['call']
}

async function compareTables(
  { store, keys, call }: CompareDeps,
  tables: readonly string[],
  heal: boolean,
): Promise<Verification> {
  const server = await call<Checksum[]>('sync_verify', { tables })
  const result: Verification = { inSync: true, rows: 0, differing: [], healed: 0, checksums: [] }
  for (const table of tables) {
    const held = await itemsOf(store, table)
    const sums = new Map(server.filter((set) => set.table === table).map((set) => [set.scope, set]))
    const differences: Differences = new Map()
    for (const scope of new Set([...held.keys(), ...sums.keys()])) {
      const items = held.get(scope) ?? []
      const sum = sums.get(scope) ?? { count: 0, checksum: 0 }
      result.rows += sum.count
      result.checksums.push({ scope, table, ...sumOf(items) })
      if (!agrees(items, sum))
        await findDifferences({ table, scope, prefix: '' }, items, call, differences)
    }
    if (differences.size === 0) continue
    const ids = [...differences.keys()]
    result.inSync = false
    result.differing.push({ table, ids })
    if (!heal) continue
    const compared = new Map([...held.values()].flat().map(({ id, version }) => [id, version]))
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const some = ids.slice(from, from + AT_ONCE)
      const listed = some.filter((id) => differences.get(id))
      const rows = await fetchRows(call, table, keys.get(table)!, listed)
      result.healed += await healRows(store, { table, ids: some, rows, compared })
    }
  }
  return result
}

/** What the device holds of the server's rows of a table, by scope. */
async function itemsOf(store: Store, table: string): Promise<Map<string, Item[]>> {
  const records = await store.read((tx) => tx.scan('rows', { index: 'table', equals: [table] }))
  const items = new Map<string, Item[]>()
  for (const record of records) {
    const { id, version, scope } = record
    if (version === null || scope === undefined || baseRow(record) === null) continue
    const item = {
      id,
      version,
      hash: md5(id),
      checksum: parseInt(md5(`${id}:${version}`).slice(0, 8), 16),
    }
    const list = items.get(scope)
    if (list) list.push(item)
    else items.set(scope, [item])
  }
  return items
}

const sumOf = (items: readonly Item[]): Sum => ({
  count: items.length,
  checksum: items.reduce((sum, item) => (sum + item.checksum) % 2 ** 32, 0),
})

function agrees(items: readonly Item[], server: Sum): boolean {
  const { count, checksum } = sumOf(items)
  return count === server.count && checksum === Number(server.checksum)
}

/** Finds the rows in which two sets differ, dividing the sets by the first digits of the ids' hashes. */
async function findDifferences(
  set: { table: string; scope: string; prefix: string },
  items: readonly Item[],
  call: CompareDeps['call'],
  differences: Differences,
): Promise<void> {
  const { rows, parts = {} } = await call<{
    rows?: Record<string, number>
    parts?: Record<string, Sum>
  }>('sync_verify_range', set)
  if (rows) {
    const held = new Map(items.map(({ id, version }) => [id, version]))
    for (const id of new Set([...held.keys(), ...Object.keys(rows)]))
      if (held.get(id) !== rows[id]) differences.set(id, differences.get(id) || id in rows)
    return
  }
  for (const digit of '0123456789abcdef') {
    const prefix = set.prefix + digit
    const part = items.filter(({ hash }) => hash.startsWith(prefix))
    const sum = parts[digit] ?? { count: 0, checksum: 0 }
    if (!agrees(part, sum)) await findDifferences({ ...set, prefix }, part, call, differences)
  }
}

async function fetchRows(
  call: CompareDeps['call'],
  table: string,
  key: string,
  ids: readonly string[],
): Promise<Map<string, ServerRow>> {
  const found = ids.length > 0 ? await call<ServerRow[]>('sync_rows', { table, ids }) : []
  return new Map(found.map((row) => [String(row.row[key]), row]))
}

interface Healing {
  table: string
  ids: readonly string[]
  /** The server's rows by id; those that it does not have are absent. */
  rows: ReadonlyMap<string, ServerRow>
  /** The versions that were compared. */
  compared: ReadonlyMap<string, number>
}

/** Makes these rows what the server says; rows that changed since they were compared are left alone. */
async function healRows(store: Store, { table, ids, rows, compared }: Healing): Promise<number> {
  return store.write('remote', async (transaction) => {
    const { tx, putRows } = transaction
    const held = await tx.getMany(
      'rows',
      ids.map((id) => [table, id] as const),
    )
    let healed = 0
    for (const [place, id] of ids.entries()) {
      const record = held[place]
      const version = record && baseRow(record) !== null ? (record.version ?? undefined) : undefined
      if (version !== compared.get(id) && version !== undefined) continue
      healed++
      const server = rows.get(id)
      if (!server) {
        if (record) await releaseRows(transaction, [record])
        continue
      }
      const queued = record?.queued
        ? await tx.scan('queue', { index: 'row', equals: [table, id] })
        : []
      const next = { table, id, version: Number(server.row.version), scope: server.scope }
      const rebased = rebase(next, server.row, queued)
      if (rebased) await putRows([rebased])
    }
    return healed
  })
}
