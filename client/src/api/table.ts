import type { LocalWrite } from '../database/enqueue.ts'
import { enqueue } from '../database/enqueue.ts'
import { live, rowsOf } from '../database/live.ts'
import { visibleRow } from '../database/rebase.ts'
import type { Store } from '../database/store.ts'
import { currentId, withTemporaryIds } from '../database/temporary-ids.ts'
import { ValidationError } from '../model/errors.ts'
import type { Id } from '../model/key.ts'
import { rankOf, type EditPriority } from '../model/priority.ts'
import { sortAndLimit, matcher, type Filter, type ListOptions } from '../model/query.ts'
import type { Row } from '../model/row.ts'
import { copyRow, editableColumns } from '../model/row.ts'
import { assertValid } from '../model/validate.ts'
import type { TableSettings } from '../sync/settings.ts'
import { omit } from '../util/omit.ts'
import type { NewId } from '../util/uuid.ts'
import type { Core } from './core.ts'

/** Options of one write. */
export interface WriteOptions {
  /** Priority among the edits of the table. Default `normal`. */
  priority?: EditPriority
}

/**
 * A table on this device. Reads and writes never wait for the network: a write resolves when the row and the queued
 * edit are stored, in one transaction. Rows are copies; changing one does not change the table.
 */
export interface Table<R = Row, Insert = R, Update = Partial<R>> {
  /**
   * Inserts a row and resolves to it; a missing primary key becomes a new UUID. Throws a `ValidationError` with code
   * `exists` where the device has a row with that key.
   */
  insert(row: Insert, options?: WriteOptions): Promise<R>
  /** Inserts many rows in one transaction: all, or none where one exists already. */
  insertMany(rows: readonly Insert[], options?: WriteOptions): Promise<R[]>
  /**
   * Changes columns of a row and resolves to the row. Columns that keep their value are not sent, so that they do not
   * overwrite edits of other devices. Throws a `ValidationError` with code `not_found` where the device has no such
   * row.
   */
  update(id: Id, patch: Update, options?: WriteOptions): Promise<R>
  /** Removes a row. Does nothing where the row is missing. */
  remove(id: Id, options?: WriteOptions): Promise<void>
  /** The row, or null. */
  get(id: Id): Promise<R | null>
  list(filter?: Filter<R>, options?: ListOptions<R>): Promise<R[]>
  /** Calls `fn` with the rows now and whenever they change. Returns an unsubscribe function. */
  subscribe(fn: (rows: R[]) => void): () => void
  subscribe(
    filter: Filter<R> | undefined,
    fn: (rows: R[]) => void,
    options?: ListOptions<R>,
  ): () => void
}

export interface TableDeps {
  store: Store
  newId: NewId
  settings: TableSettings
  /** An update of a row that is missing inserts it. */
  createMissing: boolean
  /** The server makes keys of some tables: rows may have or reference temporary ids. */
  temporaryIds: boolean
  /** Throws where the storage limit is exceeded. */
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

  /** Inserts rows. The rows are copied before the first await, so that the app may change them after the call. */
  async function insertRows(rows: readonly Row[], options?: WriteOptions): Promise<Row[]> {
    const writes = rows.map(insertOf)
    if (validate) for (const row of rows) assertValid(validate, table, { ...row }, null)
    return write(writes, options)
  }

  function insertOf(row: Row): LocalWrite {
    const data = asJson(row)
    // With `serverKey` the row gets a temporary id when the mutation is queued.
    if (!serverKey) data[key] ??= newId()
    return splitLocal({ table, op: 'put', id: String(data[key] ?? ''), data })
  }

  /** Moves the columns that stay on this device from `data` to `local`. */
  function splitLocal(write: LocalWrite & { data: Row }): LocalWrite {
    assertCapacity()
    const columns = Object.keys(write.data).filter((column) => local.includes(column))
    if (columns.length === 0) return write
    const localData = Object.fromEntries(columns.map((column) => [column, write.data[column]]))
    return { ...write, data: omit(write.data, ...columns), local: localData }
  }

  function asJson(row: Row): Row {
    try {
      return editableColumns(row)
    } catch (cause) {
      throw new ValidationError({
        code: 'invalid_value',
        message: `A row of ${table} cannot be converted to JSON.`,
        cause,
      })
    }
  }

  async function get(id: Id): Promise<Row | null> {
    const record = await store.read(async (tx) => {
      const storedId = temporaryIds ? await currentId(tx, String(id)) : String(id)
      return tx.get('rows', [table, storedId])
    })
    const row = record && visibleRow(record)
    return row ? copyRow(row) : null
  }

  return {
    insert: async (row, options) => (await insertRows([row], options))[0]!,
    insertMany: insertRows,
    async update(id, patch, options) {
      const { [key]: newKey = id, ...data } = asJson(patch)
      if (String(newKey) !== String(id))
        throw new ValidationError({
          code: 'invalid_value',
          message: `The primary key of ${table} cannot change.`,
        })
      const patchWrite = splitLocal({ table, op: 'patch', id: String(id), data })
      const orPut = createMissing ? { ...patchWrite.data, [key]: id } : undefined
      if (validate) {
        // The app may change `patch` while the row is read.
        const changes = { ...patch }
        const before = await get(id)
        // A missing row is inserted or, without `orPut`, makes the write throw.
        if (before) assertValid(validate, table, { ...before, ...changes }, before)
        else if (orPut) assertValid(validate, table, { ...changes, [key]: id }, null)
      }
      return (await write([{ ...patchWrite, ...(orPut && { orPut }) }], options))[0]!
    },
    async remove(id, options) {
      await write([{ table, op: 'delete', id: String(id) }], options)
    },
    get,
    async list(filter, options) {
      const rows = await rowsOf(store, table)
      return sortAndLimit([...rows.values()].filter(matcher(filter)), options)
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
