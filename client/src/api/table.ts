import { ValidationError } from '../model/errors.ts'
import type { NewId } from '../util/uuid.ts'
import { arrange, live, matcher, rowsOf } from '../database/live.ts'
import type { Filter, ListOptions } from '../database/live.ts'
import { enqueue } from '../database/enqueue.ts'
import type { Edit } from '../database/enqueue.ts'
import { type EditPriority, rankOf, type TablePriority } from '../model/priority.ts'
import { omit } from '../util/omit.ts'
import { copy, editable, seen } from '../model/row.ts'
import type { Row } from '../model/row.ts'
import type { Store } from '../database/store.ts'

/** How an edit is to be treated. */
export interface WriteOptions {
  /** How urgent it is among those of its table. Default `normal`. */
  priority?: EditPriority
}

/** A primary key. Kept and sent as text. */
export type Id = string | number

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

/** Everything a table needs of its surroundings. */
export interface TableDeps {
  store: Store
  newId: NewId
  /** How urgent its edits are. Default `medium`. */
  priority?: TablePriority | undefined
  /** Makes an update of a row that is not there create it. */
  createMissing?: boolean
  /** Columns that stay on this device. */
  local?: readonly string[] | undefined
  /** Makes the server make its keys. */
  serverKey?: boolean
  /** What knows of keys that stand in for the server's; absent where there are none in any table. */
  standIns?: (() => Promise<typeof import('../database/temporary-ids.ts')>) | undefined
  /** Throws where no more may be stored. */
  admit?: () => void
  /** Throws where a row is not to be written; `before` is what it was, null for a new one. */
  check?: ((row: Row, before: Row | null) => Promise<void>) | undefined
}

export function createTable(
  table: string,
  key: string,
  {
    store,
    newId,
    priority,
    createMissing = false,
    local = [],
    serverKey = false,
    standIns,
    admit = () => {},
    check,
  }: TableDeps,
): Table {
  async function write(edits: readonly Edit[], options?: WriteOptions): Promise<Row[]> {
    const rank = rankOf(priority, options?.priority)
    const ranked = edits.map((edit) => ({ ...edit, rank }))
    const keyed = (await standIns?.())?.keyed(ranked, key)
    const rows = await store.write('local', async (draft) =>
      enqueue(draft, keyed ? await keyed(draft.tx) : ranked),
    )
    return rows.map((row) => row && copy(row)) as Row[]
  }

  /** What is written is what the rows held at the time of the call. */
  async function add(rows: readonly Row[], options?: WriteOptions): Promise<Row[]> {
    const edits = rows.map(put)
    if (check) for (const row of rows.map((row) => ({ ...row }))) await check(row, null)
    return write(edits, options)
  }

  function put(row: Row): Edit {
    const data = plain(row)
    // The stand-in for a key that the server will make is made up as the edit is queued.
    if (!serverKey) data[key] ??= newId()
    return split({ table, op: 'put', id: String(data[key] ?? ''), data })
  }

  /** An edit with what stays on this device apart from what is sent. */
  function split(edit: Edit & { data: Row }): Edit {
    admit()
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
    const keys = await standIns?.()
    const record = await store.read(async (tx) => {
      const name = keys ? await keys.resolvedId(tx, String(id)) : String(id)
      return tx.get('rows', [table, name])
    })
    const row = record && seen(record)
    return row ? copy(row) : null
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
      if (check) {
        const wanted = { ...patch }
        const before = await get(id)
        // Where there is no such row the update says so, or creates it.
        if (before) await check({ ...before, ...wanted }, before)
        else if (orPut) await check({ ...wanted, [key]: id }, null)
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
