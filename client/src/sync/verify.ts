import { baseOf, type Row, stack } from '../model/row.ts'
import { forget } from '../database/apply-page.ts'
import type { Store } from '../database/store.ts'
import { md5 } from '../util/md5.ts'

/** What a comparison with the server came to. */
export interface Verification {
  /** True where nothing differed. */
  inSync: boolean
  /** Rows that were compared, as the server counts them. */
  rows: number
  /** Rows that were missing here, not there any more, or of another version. */
  differing: { table: string; ids: string[] }[]
  /** How many of them are now as the server has them; edits that wait stay on top. */
  healed: number
  /** What this device held when it was compared, for `npx tidemark verify`. */
  checksums: Checksum[]
}

/** A number for the rows of a table that are in a scope. */
export interface Checksum extends Sum {
  scope: string
  table: string
}

export interface VerifyDeps {
  store: Store
  /** Tables with the column that is their primary key. */
  keys: ReadonlyMap<string, string>
  /** Calls a database function. */
  call<T>(name: string, args: object): Promise<T>
}

/** A row as far as checksums go. */
interface Item {
  id: string
  version: number
  /** md5 of the id: where it is when a set is narrowed. */
  hash: string
  checksum: number
}

/** Rows that differ: id → whether the server has it. */
type Wrong = Map<string, boolean>

interface Sum {
  count: number
  /** The sum of the rows' own, modulo 2^32. */
  checksum: number
}

/** Rows asked for at once. */
const AT_ONCE = 1_000

/** Compares rows with the server's by checksums, set by set, and fetches what differs, nothing else. */
export async function verify(
  { store, keys, call }: VerifyDeps,
  { tables = [...keys.keys()], heal = true }: { tables?: readonly string[]; heal?: boolean } = {},
): Promise<Verification> {
  const there = await call<Checksum[]>('sync_verify', { tables })
  const result: Verification = { inSync: true, rows: 0, differing: [], healed: 0, checksums: [] }
  for (const table of tables) {
    const held = await itemsOf(store, table)
    const sums = new Map(there.filter((set) => set.table === table).map((set) => [set.scope, set]))
    const wrong: Wrong = new Map()
    for (const scope of new Set([...held.keys(), ...sums.keys()])) {
      const items = held.get(scope) ?? []
      const sum = sums.get(scope) ?? { count: 0, checksum: 0 }
      result.rows += sum.count
      result.checksums.push({ scope, table, ...sumOf(items) })
      if (!agrees(items, sum)) await narrow({ table, scope, prefix: '' }, items, call, wrong)
    }
    if (wrong.size === 0) continue
    const ids = [...wrong.keys()]
    result.inSync = false
    result.differing.push({ table, ids })
    if (!heal) continue
    const known = new Map([...held.values()].flat().map(({ id, version }) => [id, version]))
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const some = ids.slice(from, from + AT_ONCE)
      const listed = some.filter((id) => wrong.get(id))
      const rows = await rowsThere(call, table, keys.get(table)!, listed)
      result.healed += await mend(store, { table, ids: some, rows, known })
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
    if (version === null || scope === undefined || baseOf(record) === null) continue
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

function agrees(items: readonly Item[], there: Sum): boolean {
  const { count, checksum } = sumOf(items)
  return count === there.count && checksum === Number(there.checksum)
}

/** Finds the rows in which two sets differ. */
async function narrow(
  set: { table: string; scope: string; prefix: string },
  items: readonly Item[],
  call: VerifyDeps['call'],
  wrong: Wrong,
): Promise<void> {
  const { rows, parts = {} } = await call<{
    rows?: Record<string, number>
    parts?: Record<string, Sum>
  }>('sync_verify_range', set)
  if (rows) {
    const held = new Map(items.map(({ id, version }) => [id, version]))
    for (const id of new Set([...held.keys(), ...Object.keys(rows)]))
      if (held.get(id) !== rows[id]) wrong.set(id, wrong.get(id) || id in rows)
    return
  }
  for (const digit of '0123456789abcdef') {
    const prefix = set.prefix + digit
    const part = items.filter(({ hash }) => hash.startsWith(prefix))
    const sum = parts[digit] ?? { count: 0, checksum: 0 }
    if (!agrees(part, sum)) await narrow({ ...set, prefix }, part, call, wrong)
  }
}

interface There {
  scope: string
  row: Row
}

async function rowsThere(
  call: VerifyDeps['call'],
  table: string,
  key: string,
  ids: readonly string[],
): Promise<Map<string, There>> {
  const found = ids.length > 0 ? await call<There[]>('sync_rows', { table, ids }) : []
  return new Map(found.map((there) => [String(there.row[key]), there]))
}

/** Makes these rows what the server says they are; those that changed since they were compared are left. */
async function mend(
  store: Store,
  {
    table,
    ids,
    rows,
    known,
  }: {
    table: string
    ids: readonly string[]
    rows: ReadonlyMap<string, There>
    /** The versions that were compared. */
    known: ReadonlyMap<string, number>
  },
): Promise<number> {
  return store.write('remote', async (draft) => {
    const { tx, put } = draft
    const held = await tx.getMany(
      'rows',
      ids.map((id) => [table, id] as const),
    )
    let mended = 0
    for (const [place, id] of ids.entries()) {
      const record = held[place]
      const version = record && baseOf(record) !== null ? (record.version ?? undefined) : undefined
      if (version !== known.get(id) && version !== undefined) continue
      mended++
      const is = rows.get(id)
      if (!is) {
        if (record) await forget(draft, [record])
        continue
      }
      const edits = record?.edits
        ? await tx.scan('queue', { index: 'row', equals: [table, id] })
        : []
      const next = { table, id, version: Number(is.row.version), scope: is.scope }
      const stacked = stack(next, is.row, edits)
      if (stacked) await put([stacked])
    }
    return mended
  })
}
