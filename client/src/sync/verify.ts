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

/** A row of this device with its checksum. */
interface RowChecksum {
  id: string
  version: number
  /** MD5 of the id. Sets of rows are divided by its first digits. */
  hash: string
  checksum: number
}

/** Rows that differ: id → true where the server has the row. */
type Differences = Map<string, boolean>

/** A row of the server. */
interface ServerRow {
  scope: string
  row: Row
}

/** Rows that one request fetches. */
const ROWS_PER_REQUEST = 1_000

/**
 * Compares the checksums of tables with the server's, scope by scope, and with `heal` fetches the rows that differ.
 * Pruned tables, which hold only a part of the server's rows, are left out.
 */
export async function verifyTables(
  { settings, owner, requests, events }: SyncContext,
  tables: readonly string[],
  heal = true,
): Promise<Verification> {
  const store = owner.guarded
  const pruned = prunedTables(await store.read(cursorOf), settings)
  const verification = await compareTables(
    { store, keys: settings.keys, call: requests.call },
    tables.filter((table) => !pruned.includes(table)),
    heal,
  )
  events.emit('verified', verification)
  return verification
}

interface CompareDeps {
  store: Store
  /** Column of the primary key, by table. */
  keys: ReadonlyMap<string, string>
  call: Requests['call']
}

/** Compares the tables and, with `heal`, replaces the rows that differ. */
async function compareTables(
  deps: CompareDeps,
  tables: readonly string[],
  heal: boolean,
): Promise<Verification> {
  const serverSums = await deps.call<Checksum[]>('sync_verify', { tables })
  const result: Verification = { inSync: true, rows: 0, differing: [], healed: 0, checksums: [] }
  for (const table of tables) {
    const rowsByScope = await checksumsByScope(deps.store, table)
    const sums = serverSums.filter((sum) => sum.table === table)
    const differences = await compareTable(deps, table, rowsByScope, sums, result)
    if (differences.size === 0) continue
    result.inSync = false
    result.differing.push({ table, ids: [...differences.keys()] })
    if (heal) result.healed += await healTable(deps, table, rowsByScope, differences)
  }
  return result
}

/** Compares the scopes of a table. Adds the server's rows and this device's checksums to `result`. */
async function compareTable(
  { call }: CompareDeps,
  table: string,
  rowsByScope: ReadonlyMap<string, RowChecksum[]>,
  serverSums: readonly Checksum[],
  result: Verification,
): Promise<Differences> {
  const sums = new Map(serverSums.map((sum) => [sum.scope, sum]))
  const differences: Differences = new Map()
  for (const scope of new Set([...rowsByScope.keys(), ...sums.keys()])) {
    const rows = rowsByScope.get(scope) ?? []
    const sum = sums.get(scope) ?? { count: 0, checksum: 0 }
    result.rows += sum.count
    result.checksums.push({ scope, table, ...sumOf(rows) })
    if (!sumsAgree(rows, sum))
      await findDifferences({ table, scope, prefix: '' }, rows, call, differences)
  }
  return differences
}

/** Replaces the rows of a table that differ. Resolves to their number. */
async function healTable(
  { store, keys, call }: CompareDeps,
  table: string,
  rowsByScope: ReadonlyMap<string, RowChecksum[]>,
  differences: Differences,
): Promise<number> {
  const comparedVersions = new Map(
    [...rowsByScope.values()].flat().map(({ id, version }) => [id, version]),
  )
  const ids = [...differences.keys()]
  let healed = 0
  for (let from = 0; from < ids.length; from += ROWS_PER_REQUEST) {
    const chunk = ids.slice(from, from + ROWS_PER_REQUEST)
    const onServer = chunk.filter((id) => differences.get(id))
    const rows = await fetchRows(call, table, keys.get(table)!, onServer)
    healed += await healRows(store, { table, ids: chunk, rows, comparedVersions })
  }
  return healed
}

/** The rows of a table that were pulled, with their checksums, by scope. */
async function checksumsByScope(store: Store, table: string): Promise<Map<string, RowChecksum[]>> {
  const records = await store.read((tx) => tx.scan('rows', { index: 'table', equals: [table] }))
  const byScope = new Map<string, RowChecksum[]>()
  for (const record of records) {
    const { id, version, scope } = record
    if (version === null || scope === undefined || baseRow(record) === null) continue
    const row = {
      id,
      version,
      hash: md5(id),
      checksum: parseInt(md5(`${id}:${version}`).slice(0, 8), 16),
    }
    const rows = byScope.get(scope)
    if (rows) rows.push(row)
    else byScope.set(scope, [row])
  }
  return byScope
}

/** The count and the checksum of a set of rows. */
const sumOf = (rows: readonly RowChecksum[]): Sum => ({
  count: rows.length,
  checksum: rows.reduce((sum, row) => (sum + row.checksum) % 2 ** 32, 0),
})

function sumsAgree(rows: readonly RowChecksum[], server: Sum): boolean {
  const { count, checksum } = sumOf(rows)
  return count === server.count && checksum === Number(server.checksum)
}

/**
 * Adds the ids in which a set of rows differs from the server's to `differences`. Where the server does not list its
 * rows, the set is divided by the next digit of the ids' hashes, and the parts whose sums differ are compared.
 */
async function findDifferences(
  set: { table: string; scope: string; prefix: string },
  rows: readonly RowChecksum[],
  call: CompareDeps['call'],
  differences: Differences,
): Promise<void> {
  const { rows: serverVersions, parts = {} } = await call<{
    rows?: Record<string, number>
    parts?: Record<string, Sum>
  }>('sync_verify_range', set)
  if (serverVersions) {
    const versions = new Map(rows.map(({ id, version }) => [id, version]))
    for (const id of new Set([...versions.keys(), ...Object.keys(serverVersions)]))
      if (versions.get(id) !== serverVersions[id])
        differences.set(id, differences.get(id) || id in serverVersions)
    return
  }
  for (const digit of '0123456789abcdef') {
    const prefix = set.prefix + digit
    const part = rows.filter(({ hash }) => hash.startsWith(prefix))
    const sum = parts[digit] ?? { count: 0, checksum: 0 }
    if (!sumsAgree(part, sum)) await findDifferences({ ...set, prefix }, part, call, differences)
  }
}

/** The server's rows by id. */
async function fetchRows(
  call: CompareDeps['call'],
  table: string,
  key: string,
  ids: readonly string[],
): Promise<Map<string, ServerRow>> {
  const rows = ids.length > 0 ? await call<ServerRow[]>('sync_rows', { table, ids }) : []
  return new Map(rows.map((row) => [String(row.row[key]), row]))
}

interface Healing {
  table: string
  ids: readonly string[]
  /** The server's rows by id; without the rows that the server does not have. */
  rows: ReadonlyMap<string, ServerRow>
  /** The versions on this device when the rows were compared. */
  comparedVersions: ReadonlyMap<string, number>
}

/**
 * Replaces rows by the server's, with the queued mutations on top; skips rows that have changed on this device since
 * the comparison. Resolves to the number of rows.
 */
async function healRows(
  store: Store,
  { table, ids, rows, comparedVersions }: Healing,
): Promise<number> {
  return store.write('remote', async (transaction) => {
    const { tx, putRows } = transaction
    const records = await tx.getMany(
      'rows',
      ids.map((id) => [table, id] as const),
    )
    let healed = 0
    for (const [index, id] of ids.entries()) {
      const record = records[index]
      const version = record && baseRow(record) !== null ? (record.version ?? undefined) : undefined
      if (version !== comparedVersions.get(id) && version !== undefined) continue
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
