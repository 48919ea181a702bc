import { StorageError } from '../model/errors.ts'
import type { Keys, Records, StoreName } from '../model/records.ts'
import { createTabs } from '../platform/browser-tabs.ts'
import { SerialQueue } from '../util/serial-queue.ts'
import type { Scan, SyncStorage, Transaction } from './contract.ts'
import { SCHEMA, SCHEMA_VERSION, STORE_NAMES } from './contract.ts'
import { type ColumnValue, type SqliteDriver, sqliteError } from './sqlite-driver.ts'
import { damagedError, parse, Unreadable } from './unreadable.ts'

/** Milliseconds to wait for a lock of another connection. */
const LOCK_TIMEOUT = 10_000

/** A row of a SQLite table: its key columns and the record as JSON. */
type SqlRow = Record<string, ColumnValue>

const quoted = (name: string): string => `"${name}"`
const tableOf = (store: StoreName): string => `tidemark_${store}`
const keyOf = (store: StoreName): readonly string[] => SCHEMA[store].key
const indexesOf = (store: StoreName): [string, readonly string[]][] =>
  Object.entries(SCHEMA[store].indexes)

/** The columns of a table without the record: those of the key and of the indexes. */
const columnsOf = (store: StoreName): string[] => [
  ...new Set([...keyOf(store), ...indexesOf(store).flatMap(([, columns]) => columns)]),
]

/** Whether an index has the first columns of the primary key, and so needs no index of its own. */
const isPrefix = (columns: readonly string[], key: readonly string[]): boolean =>
  columns.every((column, position) => column === key[position])

/** SQL for the first `count` elements of the JSON array `value`. */
const jsonElements = (count: number): string =>
  Array.from({ length: count }, (_, index) => `json_extract(value, '$[${index}]')`).join(', ')

/** SQL that creates the tables and indexes. */
function createTablesSql(): string {
  return STORE_NAMES.map((store) => {
    const columns = columnsOf(store).map((column) => {
      const type = column === 'seq' ? 'integer' : 'text'
      return `${quoted(column)} ${type}${keyOf(store).includes(column) ? ' not null' : ''}`
    })
    const indexes = indexesOf(store)
      .filter(([, on]) => !isPrefix(on, keyOf(store)))
      .map(
        ([name, on]) =>
          `create index if not exists ${tableOf(store)}_${name} on ${tableOf(store)} (${on.map(quoted).join(', ')});`,
      )
    return `
      create table if not exists ${tableOf(store)} (
        ${columns.join(', ')}, record text not null,
        primary key (${keyOf(store).map(quoted).join(', ')})
      );
      ${indexes.join('\n')}`
  }).join('\n')
}

/** The contract's transaction on a SQLite connection with an open transaction. */
function wrap(driver: SqliteDriver, writable: boolean, isActive: () => boolean): Transaction {
  function check(writes: boolean): void {
    if (!isActive())
      throw new StorageError({ code: 'storage', message: 'The transaction has ended.' })
    if (writes && !writable)
      throw new StorageError({ code: 'storage', message: 'The transaction is read-only.' })
  }

  /** The records of SQL rows. Throws a `StorageError` that names the unreadable ones. */
  function recordsOf<S extends StoreName>(store: S, rows: readonly SqlRow[]): Records[S][] {
    const records = rows.map((row) => {
      const key = keyOf(store).map((column) => row[column])
      return parse<Records[S]>(
        String(row.record),
        (key.length === 1 ? key[0] : key) as Keys[StoreName],
      )
    })
    const unreadable = records.filter((record) => record instanceof Unreadable)
    if (unreadable.length > 0) throw damagedError(store, unreadable)
    return records as Records[S][]
  }

  const all = async (sql: string, params: readonly ColumnValue[]): Promise<SqlRow[]> => {
    check(false)
    return (await driver.all(sql, params)) as SqlRow[]
  }
  const run = async (sql: string, params: readonly ColumnValue[]): Promise<void> => {
    check(true)
    await driver.run(sql, params)
  }
  const selectedColumns = (store: StoreName): string =>
    [...keyOf(store).map((column) => `t.${quoted(column)}`), 't.record'].join(', ')

  return {
    async get(store, key) {
      const where = keyOf(store).map((column) => `t.${quoted(column)} = ?`)
      const rows = await all(
        `select ${selectedColumns(store)} from ${tableOf(store)} t where ${where.join(' and ')}`,
        [key].flat() as ColumnValue[],
      )
      return recordsOf(store, rows)[0]
    },
    async getMany<S extends StoreName>(store: S, keys: readonly Keys[S][]) {
      const where = keyOf(store).map(
        (column, index) => `t.${quoted(column)} = json_extract(j.value, '$[${index}]')`,
      )
      const rows = await all(
        `select j.key as position, ${selectedColumns(store)} from json_each(?) j
          cross join ${tableOf(store)} t on ${where.join(' and ')}`,
        [JSON.stringify(keys.map((key) => [key].flat()))],
      )
      const result: (Records[S] | undefined)[] = keys.map(() => undefined)
      for (const [index, record] of recordsOf(store, rows).entries())
        result[Number(rows[index]!.position)] = record
      return result
    },
    async putMany(store, records) {
      if (records.length === 0) return check(true)
      const columns = columnsOf(store)
      const rows = records.map((record) => [
        ...columns.map((column) => (record as unknown as SqlRow)[column] ?? null),
        JSON.stringify(record),
      ])
      await run(
        `insert or replace into ${tableOf(store)} (${columns.map(quoted).join(', ')}, record)
          select ${jsonElements(columns.length + 1)} from json_each(?)`,
        [JSON.stringify(rows)],
      )
    },
    async deleteMany(store, keys) {
      if (keys.length === 0) return check(true)
      const key = keyOf(store)
      await run(
        `delete from ${tableOf(store)} where (${key.map(quoted).join(', ')}) in
          (select ${jsonElements(key.length)} from json_each(?))`,
        [JSON.stringify(keys.map((key) => [key].flat()))],
      )
    },
    async scan<S extends StoreName>(store: S, { index, equals = [], limit = -1 }: Scan<S> = {}) {
      const indexColumns = index === undefined ? [] : new Map(indexesOf(store)).get(index)!
      const where = indexColumns.map((column) => `t.${quoted(column)} = ?`).join(' and ')
      const rows = await all(
        `select ${selectedColumns(store)} from ${tableOf(store)} t ${where && `where ${where}`}
          order by ${keyOf(store)
            .map((column) => `t.${quoted(column)}`)
            .join(', ')} limit ?`,
        [...equals, limit],
      )
      return recordsOf(store, rows)
    },
    async count(store) {
      const [row] = await all(`select count(*) as count from ${tableOf(store)}`, [])
      return Number(row!.count)
    },
  }
}

/**
 * Stores everything in a SQLite database, in tables whose names begin with `tidemark_`. The data survives restarts,
 * and processes can share the file, which is set to WAL mode. `driver` is a connection that only the storage uses:
 * `syncSqlite(new DatabaseSync(file))`, `expoSqlite(await openDatabaseAsync(file))`. The app closes the connection.
 */
export function sqliteStorage(driver: SqliteDriver): SyncStorage {
  const queue = new SerialQueue()
  let opening: Promise<void> | undefined

  /** Runs SQL. Waits for locks of other connections without blocking this program. */
  async function execWithRetry(sql: string): Promise<void> {
    for (let waited = 0, pause = 1; ; waited += pause, pause = Math.min(50, 2 * pause)) {
      try {
        return await driver.exec(sql)
      } catch (error) {
        const { code } = sqliteError(error) as { code?: unknown }
        if (code !== 'blocked' || waited > LOCK_TIMEOUT) throw error
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  /** Rolls back. After some failures, such as a full disk, SQLite has done so by itself. */
  async function rollBack(): Promise<void> {
    try {
      await driver.exec('rollback')
    } catch {
      // The caller throws the first error.
    }
  }

  async function inTransaction<T>(begin: string, body: () => Promise<T>): Promise<T> {
    try {
      await execWithRetry(begin)
      try {
        const result = await body()
        await execWithRetry('commit')
        return result
      } catch (error) {
        await rollBack()
        throw error
      }
    } catch (error) {
      throw sqliteError(error)
    }
  }

  /** Creates the tables, and checks the schema version. */
  async function prepare(): Promise<void> {
    try {
      await execWithRetry('pragma journal_mode = wal')
    } catch (error) {
      throw sqliteError(error)
    }
    await inTransaction('begin immediate', async () => {
      await driver.exec('create table if not exists tidemark_schema (version integer not null)')
      const [schema] = (await driver.all('select version from tidemark_schema', [])) as SqlRow[]
      if (Number(schema?.version ?? 0) > SCHEMA_VERSION)
        throw new StorageError({
          code: 'blocked',
          message: 'A newer version of the app has used this database.',
          hint: 'Update the app.',
        })
      await driver.exec(createTablesSql())
      await driver.exec('delete from tidemark_schema')
      await driver.run('insert into tidemark_schema (version) values (?)', [SCHEMA_VERSION])
    })
  }

  return {
    ...(driver.name !== undefined && {
      tabs: (options) => createTabs(`sqlite:${driver.name}`, options),
    }),
    async open() {
      opening ??= queue.run(prepare)
      try {
        await opening
      } catch (error) {
        opening = undefined
        throw error
      }
    },
    transaction: (mode, body) =>
      queue.run(async () => {
        if (!opening)
          throw new StorageError({ code: 'closed', message: 'The storage is not open.' })
        let active = true
        const tx = wrap(driver, mode === 'readwrite', () => active)
        try {
          return await inTransaction(mode === 'readwrite' ? 'begin immediate' : 'begin', () =>
            body(tx),
          )
        } finally {
          active = false
        }
      }),
    size: () =>
      queue.run(async () => {
        const [row] = (await driver.all(
          `select (p.page_count - f.freelist_count) * s.page_size as bytes
            from pragma_page_count() p, pragma_freelist_count() f, pragma_page_size() s`,
          [],
        )) as SqlRow[]
        return Number(row!.bytes)
      }),
    close: () =>
      queue.run(async () => {
        opening = undefined
      }),
  }
}
