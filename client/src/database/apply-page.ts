import type { Change, PullAnswer } from '../../../supabase/functions/_tidemark/wire.ts'
import { ValidationError } from '../model/errors.ts'
import { omit } from '../util/omit.ts'
import { alive, stack } from '../model/row.ts'
import type { Row } from '../model/row.ts'
import type { RowRecord, Transaction } from '../storage/contract.ts'
import { cursorOf } from './meta.ts'
import type { Draft } from './store.ts'

/** The half of a pull's answer that is kept. */
export type Page = Pick<PullAnswer, 'changes' | 'left' | 'cursor' | 'reset'> &
  Partial<Pick<PullAnswer, 'joined' | 'more'>>

/** What a page was asked for. */
export interface Asked {
  /** The count of pages at which it was asked for. */
  pages: number
  /** Tables that it covers. */
  tables: readonly string[]
  /** All tables that the device holds, with the column that is the primary key. */
  keys: ReadonlyMap<string, string>
}

/**
 * Takes a page into the rows, and its cursor with it. If the store has gone on since the page was asked
 * for, the page is stale, nothing is done and the result is undefined. Otherwise it is the number of rows
 * that are news to this device.
 */
export async function applyPage(
  draft: Draft,
  page: Page,
  { pages, tables, keys }: Asked,
): Promise<number | undefined> {
  const { tx } = draft
  const from = await cursorOf(tx)
  if (from.pages !== pages) return undefined
  // A download that begins also says what has become of rows that were pushed before it and never pulled:
  // they may be gone already, with their scope or with a database that was put back.
  const first = from.cursor === null && (await unpulled(tx)).length > 0
  if (page.reset || first) await startAfresh(tx, [...keys.keys()])
  const place = await cursorOf(tx)
  const sweeping = place.sweeping ?? []
  let news = 0
  for (const scope of page.left)
    news += await forget(draft, await tx.scan('rows', { index: 'scope', equals: [scope] }))
  if (page.left.length > 0) news += await forget(draft, await unnamed(tx))
  for (const change of page.changes) {
    const sweep = sweeping.includes(change.table) ? place.sweep : undefined
    news += await upsert(draft, change, keys.get(change.table) ?? 'id', sweep)
    news += await remove(draft, change)
  }
  const scopes = new Set(place.scopes)
  // A scope that is left and joined on one page, for another role in it, is one of ours.
  for (const scope of page.left) scopes.delete(scope)
  for (const scope of page.joined ?? []) scopes.add(scope)
  for (const { scope } of page.changes) scopes.add(scope)
  const done = page.more ? [] : sweeping.filter((table) => tables.includes(table))
  for (const table of done) news += await sweepUp(draft, table, place.sweep)
  await tx.putMany('meta', [
    {
      ...place,
      cursor: page.cursor ?? null,
      pages: pages + 1,
      scopes: [...scopes],
      sweeping: sweeping.filter((table) => !done.includes(table)),
    },
  ])
  return news
}

/**
 * Rows that the server took from this device and has not yet named in a pull: they may be of a scope that
 * was left before it came to that, and then nothing more is said of them. The others are still to come.
 */
async function unnamed(tx: Transaction): Promise<RowRecord[]> {
  return (await tx.scan('rows')).filter(({ scope, edits }) => scope === undefined && !edits)
}

/**
 * Begins a download of everything beside what is there: rows stay in sight until it is known which of
 * them are gone.
 */
export async function startAfresh(tx: Transaction, tables: readonly string[]): Promise<void> {
  const place = await cursorOf(tx)
  // From here on only a row that is sent during the download has no scope, and is kept.
  await tx.putMany(
    'rows',
    (await unpulled(tx)).map((record) => ({ ...record, scope: '' })),
  )
  await tx.putMany('meta', [
    {
      ...omit(place, 'scopes', 'partial'),
      cursor: null,
      pages: place.pages,
      sweep: (place.sweep ?? 0) + 1,
      sweeping: tables,
    },
  ])
}

/** Rows that the server took from this device and no pull has named yet, with or without newer edits. */
async function unpulled(tx: Transaction): Promise<RowRecord[]> {
  return (await tx.scan('rows')).filter(
    ({ scope, version }) => scope === undefined && version !== null,
  )
}

/** Drops the rows of a table that the download which has ended did not meet. */
async function sweepUp(draft: Draft, table: string, sweep: number | undefined): Promise<number> {
  const held = await draft.tx.scan('rows', { index: 'table', equals: [table] })
  return forget(
    draft,
    held.filter((record) => record.scope !== undefined && record.sweep !== sweep),
  )
}

/**
 * Drops rows that the server no longer shows us. One with queued edits stays in sight until the server
 * has said what becomes of them.
 */
export async function forget({ put, drop }: Draft, records: readonly RowRecord[]): Promise<number> {
  await put(
    records
      .filter(({ edits }) => edits)
      .map((record) => ({ ...omit(record, 'scope'), base: null, version: null })),
  )
  await drop(records.filter(({ edits }) => !edits))
  return records.length
}

async function upsert(
  { tx, put }: Draft,
  change: Change,
  key: string,
  sweep: number | undefined,
): Promise<number> {
  const { table, scope } = change
  const rows = change.upsert.filter(alive)
  const ids = rows.map((row) => idOf(row, table, key))
  const held = await tx.getMany(
    'rows',
    ids.map((id) => [table, id] as const),
  )
  const records: RowRecord[] = []
  let news = 0
  for (const [place, row] of rows.entries()) {
    const before = held[place]
    const version = typeof row.version === 'number' ? row.version : null
    // Versions of before a restore say nothing about those after it.
    const comparable = sweep === undefined || before?.sweep === sweep
    if (before && comparable && (before.version ?? 0) > (version ?? Infinity)) continue
    if (before?.version !== version) news++
    const record = { table, id: ids[place]!, version, scope, ...(sweep !== undefined && { sweep }) }
    const edits = before?.edits
      ? await tx.scan('queue', { index: 'row', equals: [table, record.id] })
      : []
    records.push(stack(record, row, edits)!)
  }
  await put(records)
  return news
}

async function remove(draft: Draft, change: Change): Promise<number> {
  if (change.remove.length === 0) return 0
  const held = await draft.tx.getMany(
    'rows',
    change.remove.map((id) => [change.table, id] as const),
  )
  return forget(
    draft,
    held.filter(
      (record) => record !== undefined && (!record.scope || record.scope === change.scope),
    ) as RowRecord[],
  )
}

function idOf(row: Row, table: string, key: string): string {
  const id = row[key]
  if (id == null)
    throw new ValidationError({
      code: 'no_key',
      message: `Rows of ${table} have no column ${key}.`,
      hint: `Name it: tables: [{ name: '${table}', key: '…' }].`,
    })
  return String(id)
}
