import type { LocalWrite } from '../database/enqueue.ts'
import { enqueue } from '../database/enqueue.ts'
import { live, rowsOf } from '../database/live.ts'
import { visibleRow } from '../database/rebase.ts'
import type { Store } from '../database/store.ts'
import { resolvedId, withTemporaryIds } from '../database/temporary-ids.ts'
import { ValidationError } from '../model/errors.ts'
import type { Id } from '../model/key.ts'
import { rankOf, type EditPriority } from '../model/priority.ts'
import { arrange, matcher, type Filter, type ListOptions } from '../model/query.ts'
import type { Row } from '../model/row.ts'
import { copyRow, editable } from '../model/row.ts'
import { check } from '../model/validate.ts'
import type { TableSettings } from '../sync/settings.ts'
import { omit } from '../util/omit.ts'
import type { NewId } from '../util/uuid.ts'
import type { Core } from './core.ts'

/** How an edit is to be treated. */
export interface WriteOptions {
  /** How urgent it is among those of its table. Default `normal`. */
  priority?: EditPriority
}

/**
 * A table on this device. Reading and writing never wait for the network: a write is done once the row
 * and its place in the queue are stored, in one transaction. Rows are copies; changing one changes
 * nothing.
 */
export interface Table<R = Row, Insert = R, Update = Partial<R>> {
  /**
   * Adds a row; a primary key that is absent is made up (a UUID). Resolves to the row. Throws a
   * `ValidationError` with code `exists` where the device has a row of that key.
   */
  insert(row: Insert, options?: WriteOptions): Promise<R>
  /** Adds many rows at once: all, or, if one is there already, none. */
  insertMany(rows: readonly Insert[], options?: WriteOptions): Promise<R[]>
  /**
   * Changes columns of a row and resolves to the row. Columns that keep their value are not sent, so
   * that they cannot overwrite somebody else's edit. Throws a `ValidationError` with code `not_found`
   * where the device has no such row.
   */
  update(id: Id, patch: Update, options?: WriteOptions): Promise<R>
  /** Removes a row. Removing one that is not there does nothing. */
  remove(id: Id, options?: WriteOptions): Promise<void>
  /** The row, or null. */
  get(id: Id): Promise<R | null>
  list(filter?: Filter<R>, options?: ListOptions<R>): Promise<R[]>
  /** Calls `fn` with the rows now and whenever they change. Returns what ends it. */
  subscribe(fn: (rows: R[]) => void): () => void
  subscribe(
    filter: Filter<R> | undefined,
    fn: (rows: R[]) => void,
    options?: ListOptions<R>,
  ): () => void
}

/** What a table needs of its surroundings. */
export interface TableDeps {
  store: Store
  newId: NewId
  settings: TableSettings
  /** An update of a row that is missing inserts it. */
  createMissing: boolean
  /** The server makes the keys of this table or of others: rows may name temporary ids. */
  temporaryIds: boolean
  /** Throws where no more may be stored. */
  assertCapacity(): void
}

/** The tables of a sync, by name. */
export const createTables = (core: Core): Map<string, Table> =>
  new Map(
    [...core.settings.tables].map(([name, settings]) => [
      name,
      createTable({
        settings,
        store: core.appStore,
        newId: core.settings.newId,
        createMissing: core.settings.createMissing,
        temporaryIds: core.settings.serverKeys.size > 0,
        assertCapacity: core.capacity.assertCapacity,
      }),
    ]),
  )

export function createTable({
  settings: { name: table, key = 'id', priority, local = [], serverKey = false, validate },
  store,
  newId,
  createMissing,
  temporaryIds,
  assertCapacity,
}: TableDeps): Table {
  async function write(writes: readonly LocalWrite[], options?: WriteOptions): Promise<Row[]> {
    const rank = rankOf(priority, options?.priority)
    const ranked = writes.map((write) => ({ ...write, rank }))
    const named = temporaryIds ? withTemporaryIds(ranked, key) : undefined
    const rows = await store.write('local', async (transaction) =>
      enqueue(transaction, named ? await named(transaction.tx) : ranked),
    )
    return rows.map((row) => row && copyRow(row)) as Row[]
  }

  /** Writes the rows as they are at the time of the call. */
  async function add(rows: readonly Row[], options?: WriteOptions): Promise<Row[]> {
    const puts = rows.map(put)
    if (validate) for (const row of rows) check(validate, table, { ...row }, null)
    return write(puts, options)
  }

  function put(row: Row): LocalWrite {
    const data = plain(row)
    // A temporary id, for a key that the server will make, is made as the mutation is queued.
    if (!serverKey) data[key] ??= newId()
    return split({ table, op: 'put', id: String(data[key] ?? ''), data })
  }

  /** A write with the columns that stay on this device apart from those that are sent. */
  function split(edit: LocalWrite & { data: Row }): LocalWrite {
    assertCapacity()
    const columns = Object.keys(edit.data).filter((column) => local.includes(column))
    if (columns.length === 0) return edit
    const kept = Object.fromEntries(columns.map((column) => [column, edit.data[column]]))
    return { ...edit, data: omit(edit.data, ...columns), local: kept }
  }

  function plain(row: Row): Row {
    try {
      return editable(row)
    } catch (cause) {
      throw new ValidationError({
        code: 'invalid_value',
        message: `A row of ${table} is not JSON.`,
        cause,
      })
    }
  }

  async function get(id: Id): Promise<Row | null> {
    const record = await store.read(async (tx) => {
      const current = temporaryIds ? await resolvedId(tx, String(id)) : String(id)
      return tx.get('rows', [table, current])
    })
    const row = record && visibleRow(record)
    return row ? copyRow(row) : null
  }

  return {
    insert: async (row, options) => (await add([row], options))[0]!,
    insertMany: add,
    async update(id, patch, options) {
      const { [key]: renamed = id, ...data } = plain(patch)
      if (String(renamed) !== String(id))
        throw new ValidationError({
          code: 'invalid_value',
          message: `The primary key of ${table} cannot change.`,
        })
      const edit = split({ table, op: 'patch', id: String(id), data })
      const orPut = createMissing ? { ...edit.data, [key]: id } : undefined
      if (validate) {
        const wanted = { ...patch }
        const before = await get(id)
        // Where there is no such row the update says so, or creates it.
        if (before) check(validate, table, { ...before, ...wanted }, before)
        else if (orPut) check(validate, table, { ...wanted, [key]: id }, null)
      }
      return (await write([{ ...edit, ...(orPut && { orPut }) }], options))[0]!
    },
    async remove(id, options) {
      await write([{ table, op: 'delete', id: String(id) }], options)
    },
    get,
    async list(filter, options) {
      const rows = await rowsOf(store, table)
      return arrange([...rows.values()].filter(matcher(filter)), options)
    },
    subscribe(
      first: Filter<Row> | ((rows: Row[]) => void) | undefined,
      fn?: (rows: Row[]) => void,
      options?: ListOptions<Row>,
    ) {
      const [filter, listener] = fn
        ? [first as Filter<Row> | undefined, fn]
        : [undefined, first as (rows: Row[]) => void]
      return live(store, table, filter, options, listener)
    },
  }
}
