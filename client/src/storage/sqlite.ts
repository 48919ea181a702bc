import { StorageError } from '../model/errors.ts'
import type { Keys, Records, StoreName } from '../model/records.ts'
import { createTabs } from '../platform/browser-tabs.ts'
import { SerialQueue } from '../util/serial-queue.ts'
import type { Scan, SyncStorage, Transaction } from './contract.ts'
import { SCHEMA, SCHEMA_VERSION, STORE_NAMES } from './contract.ts'
import { type ColumnValue, type SqliteDriver, sqliteError } from './sqlite-driver.ts'
import { damaged, parse, Unreadable } from './unreadable.ts'

/** How long another connection that writes is waited for, in milliseconds. */
const PATIENCE = 10_000

/** A line of a store's table: its key columns and the record as JSON. */
type Line = Record<string, ColumnValue>

const quoted = (name: string): string => `"${name}"`
const tableOf = (store: StoreName): string => `tidemark_${store}`
const keyOf = (store: StoreName): readonly string[] => SCHEMA[store].key
const indexesOf = (store: StoreName): [string, readonly string[]][] =>
  Object.entries(SCHEMA[store].indexes)

/** Columns beside the record: those of the key and of the indexes. */
const columnsOf = (store: StoreName): string[] => [
  ...new Set([...keyOf(store), ...indexesOf(store).flatMap(([, columns]) => columns)]),
]

const isPrefix = (columns: readonly string[], key: readonly string[]): boolean =>
  columns.every((column, place) => column === key[place])

/** `{a, b}` as they are found in the JSON array that a parameter holds. */
const cells = (count: number): string =>
  Array.from({ length: count }, (_, place) => `json_extract(value, '$[${place}]')`).join(', ')

function tables(): string {
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

function wrap(driver: SqliteDriver, writable: boolean, isActive: () => boolean): Transaction {
  function check(writes: boolean): void {
    if (!isActive())
      throw new StorageError({ code: 'storage', message: 'The transaction has ended.' })
    if (writes && !writable)
      throw new StorageError({ code: 'storage', message: 'The transaction is read-only.' })
  }

  /** Records of lines; those that cannot be read are named by the error that is thrown. */
  function read<S extends StoreName>(store: S, lines: readonly Line[]): Records[S][] {
    const records = lines.map((line) => {
      const key = keyOf(store).map((column) => line[column])
      return parse<Records[S]>(
        String(line.record),
        (key.length === 1 ? key[0] : key) as Keys[StoreName],
      )
    })
    const bad = records.filter((record) => record instanceof Unreadable)
    if (bad.length > 0) throw damaged(store, bad)
    return records as Records[S][]
  }

  const all = async (sql: string, params: readonly ColumnValue[]): Promise<Line[]> => {
    check(false)
    return (await driver.all(sql, params)) as Line[]
  }
  const run = async (sql: string, params: readonly ColumnValue[]): Promise<void> => {
    check(true)
    await driver.run(sql, params)
  }
  const selected = (store: StoreName): string =>
    [...keyOf(store).map((column) => `t.${quoted(column)}`), 't.record'].join(', ')

  return {
    async get(store, key) {
      const where = keyOf(store).map((column) => `t.${quoted(column)} = ?`)
      const lines = await all(
        `select ${selected(store)} from ${tableOf(store)} t where ${where.join(' and ')}`,
        [key].flat() as ColumnValue[],
      )
      return read(store, lines)[0]
    },
    async getMany<S extends StoreName>(store: S, keys: readonly Keys[S][]) {
      const where = keyOf(store).map(
        (column, place) => `t.${quoted(column)} = json_extract(j.value, '$[${place}]')`,
      )
      const lines = await all(
        `select j.key as place, ${selected(store)} from json_each(?) j
          cross join ${tableOf(store)} t on ${where.join(' and ')}`,
        [JSON.stringify(keys.map((key) => [key].flat()))],
      )
      const found: (Records[S] | undefined)[] = keys.map(() => undefined)
      for (const [n, record] of read(store, lines).entries())
        found[Number(lines[n]!.place)] = record
      return found
    },
    async putMany(store, records) {
      if (records.length === 0) return check(true)
      const columns = columnsOf(store)
      const lines = records.map((record) => [
        ...columns.map((column) => (record as unknown as Line)[column] ?? null),
        JSON.stringify(record),
      ])
      await run(
        `insert or replace into ${tableOf(store)} (${columns.map(quoted).join(', ')}, record)
          select ${cells(columns.length + 1)} from json_each(?)`,
        [JSON.stringify(lines)],
      )
    },
    async deleteMany(store, keys) {
      if (keys.length === 0) return check(true)
      const key = keyOf(store)
      await run(
        `delete from ${tableOf(store)} where (${key.map(quoted).join(', ')}) in
          (select ${cells(key.length)} from json_each(?))`,
        [JSON.stringify(keys.map((key) => [key].flat()))],
      )
    },
    async scan<S extends StoreName>(store: S, { index, equals = [], limit = -1 }: Scan<S> = {}) {
      const on = index === undefined ? [] : new Map(indexesOf(store)).get(index)!
      const where = on.map((column) => `t.${quoted(column)} = ?`).join(' and ')
      const lines = await all(
        `select ${selected(store)} from ${tableOf(store)} t ${where && `where ${where}`}
          order by ${keyOf(store)
            .map((column) => `t.${quoted(column)}`)
            .join(', ')} limit ?`,
        [...equals, limit],
      )
      return read(store, lines)
    },
    async count(store) {
      const [line] = await all(`select count(*) as count from ${tableOf(store)}`, [])
      return Number(line!.count)
    },
  }
}

/**
 * Keeps everything in a SQLite database, in tables whose names begin with `tidemark_`; survives restarts,
 * and several processes may use one file at once. `driver` is a connection that nobody else uses while the
 * storage is open: `syncSqlite(new DatabaseSync(file))`, `expoSqlite(await openDatabaseAsync(file))`. It
 * stays the app's to close. The file is put into WAL mode.
 */
export function sqliteStorage(driver: SqliteDriver): SyncStorage {
  const queue = new SerialQueue()
  let opening: Promise<void> | undefined

  /** Waits for other connections without holding up this program. */
  async function patiently(sql: string): Promise<void> {
    for (let waited = 0, pause = 1; ; waited += pause, pause = Math.min(50, 2 * pause)) {
      try {
        return await driver.exec(sql)
      } catch (error) {
        const { code } = sqliteError(error) as { code?: unknown }
        if (code !== 'blocked' || waited > PATIENCE) throw error
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
  }

  /** Some failures, such as a full disk, have rolled back by themselves. */
  async function rollBack(): Promise<void> {
    try {
      await driver.exec('rollback')
    } catch {
      // The failure that led here is the one to tell of.
    }
  }

  async function inTransaction<T>(begin: string, body: () => Promise<T>): Promise<T> {
    try {
      await patiently(begin)
      try {
        const result = await body()
        await patiently('commit')
        return result
      } catch (error) {
        await rollBack()
        throw error
      }
    } catch (error) {
      throw sqliteError(error)
    }
  }

  async function prepare(): Promise<void> {
    try {
      await patiently('pragma journal_mode = wal')
    } catch (error) {
      throw sqliteError(error)
    }
    await inTransaction('begin immediate', async () => {
      await driver.exec('create table if not exists tidemark_schema (version integer not null)')
      const [found] = (await driver.all('select version from tidemark_schema', [])) as Line[]
      if (Number(found?.version ?? 0) > SCHEMA_VERSION)
        throw new StorageError({
          code: 'blocked',
          message: 'A newer version of the app has used this database.',
        })
      await driver.exec(tables())
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
        const [line] = (await driver.all(
          `select (p.page_count - f.freelist_count) * s.page_size as bytes
            from pragma_page_count() p, pragma_freelist_count() f, pragma_page_size() s`,
          [],
        )) as Line[]
        return Number(line!.bytes)
      }),
    close: () =>
      queue.run(async () => {
        opening = undefined
      }),
  }
}
