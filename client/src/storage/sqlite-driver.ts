import { StorageError, SyncError } from '../model/errors.ts'

/** The value of a column or a parameter. */
export type ColumnValue = string | number | null

/** A connection to a SQLite database, version 3.24 or newer, with JSON functions. */
export interface SqliteDriver {
  /**
   * A name of the database, the same for every connection to it: threads that share the database notify each other
   * under this name.
   */
  readonly name?: string
  /** Runs statements that take no parameters. */
  exec(sql: string): void | Promise<void>
  /** Runs one statement. */
  run(sql: string, params: readonly ColumnValue[]): void | Promise<void>
  /** Runs one query. Resolves to its rows, as objects with the columns by name. */
  all(sql: string, params: readonly ColumnValue[]): unknown[] | Promise<unknown[]>
}

interface SyncStatement {
  run(...params: ColumnValue[]): unknown
  all(...params: ColumnValue[]): unknown[]
}

/** The common methods of `DatabaseSync` (`node:sqlite`) and `Database` (`better-sqlite3`, `bun:sqlite`). */
export interface SyncDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SyncStatement
}

/** A driver for synchronous databases: `node:sqlite`, `better-sqlite3`, `bun:sqlite`. */
export function syncSqlite(db: SyncDatabase, name?: string): SqliteDriver {
  const statements = new Map<string, SyncStatement>()
  const prepared = (sql: string): SyncStatement => {
    let statement = statements.get(sql)
    if (!statement) statements.set(sql, (statement = db.prepare(sql)))
    return statement
  }
  return {
    ...(name !== undefined && { name }),
    exec: (sql) => void db.exec(sql),
    run: (sql, params) => void prepared(sql).run(...params),
    all: (sql, params) => prepared(sql).all(...params),
  }
}

/** The methods of `SQLiteDatabase` (`expo-sqlite`) that are used. */
export interface ExpoDatabase {
  execAsync(sql: string): Promise<void>
  runAsync(sql: string, params: ColumnValue[]): Promise<unknown>
  getAllAsync(sql: string, params: ColumnValue[]): Promise<unknown[]>
}

/**
 * A driver for `expo-sqlite` and libraries with the same methods. The storage begins its transactions by SQL, not by
 * `withTransactionAsync`, which takes the write lock only at the first write, after other connections may have changed
 * what the transaction has read.
 */
export function expoSqlite(db: ExpoDatabase, name?: string): SqliteDriver {
  return {
    ...(name !== undefined && { name }),
    exec: (sql) => db.execAsync(sql),
    run: async (sql, params) => void (await db.runAsync(sql, [...params])),
    all: (sql, params) => db.getAllAsync(sql, [...params]),
  }
}

/** Codes of `StorageError` with SQLite's result codes and error texts; some drivers report only the text. */
const ERROR_CODES: { code: string; numbers: readonly number[]; pattern: RegExp }[] = [
  { code: 'blocked', numbers: [5, 6], pattern: /SQLITE_(BUSY|LOCKED)|is locked/ },
  { code: 'quota', numbers: [13], pattern: /SQLITE_FULL|disk is full/ },
  {
    code: 'corrupt',
    numbers: [11, 26],
    pattern: /SQLITE_(CORRUPT|NOTADB)|malformed|not a database/,
  },
  { code: 'closed', numbers: [21], pattern: /SQLITE_MISUSE|not open|closed/ },
]

/** An error of SQLite as a `StorageError`; any other error unchanged. */
export function sqliteError(error: unknown): unknown {
  if (error instanceof SyncError || !(error instanceof Error)) return error
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  const isSqlite =
    typeof errcode === 'number' || /SQLITE|sqlite|database/.test(`${String(code)} ${error.message}`)
  if (!isSqlite) return error
  const resultCode = typeof errcode === 'number' ? errcode & 0xff : undefined
  const text = `${String(code)} ${error.message}`
  const cause = ERROR_CODES.find(({ numbers, pattern }) =>
    resultCode === undefined ? pattern.test(text) : numbers.includes(resultCode),
  )
  return new StorageError({
    code: cause?.code ?? 'storage',
    message: `SQLite: ${error.message}`,
    cause: error,
  })
}
