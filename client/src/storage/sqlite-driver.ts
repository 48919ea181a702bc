import { StorageError, SyncError } from '../model/errors.ts'

/** What a column holds, and what a parameter can be. */
export type ColumnValue = string | number | null

/** A connection to a SQLite database (3.24 or newer, with JSON functions), as the storage uses it. */
export interface SqliteDriver {
  /**
   * The same for every connection to the same database: lets syncs in other threads that share it hear
   * of each other.
   */
  readonly name?: string
  /** Runs statements that take no parameters. */
  exec(sql: string): void | Promise<void>
  /** Runs one statement. */
  run(sql: string, params: readonly ColumnValue[]): void | Promise<void>
  /** Runs one query; resolves to its lines, column by name. */
  all(sql: string, params: readonly ColumnValue[]): unknown[] | Promise<unknown[]>
}

interface SyncStatement {
  run(...params: ColumnValue[]): unknown
  all(...params: ColumnValue[]): unknown[]
}

/** What the `DatabaseSync` of `node:sqlite`, the `Database` of `better-sqlite3` and that of `bun:sqlite` share. */
export interface SyncDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SyncStatement
}

/** A driver for databases that answer at once: `node:sqlite`, `better-sqlite3`, `bun:sqlite`. */
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

/** What the storage uses of `expo-sqlite`'s `SQLiteDatabase`. */
export interface ExpoDatabase {
  execAsync(sql: string): Promise<void>
  runAsync(sql: string, params: ColumnValue[]): Promise<unknown>
  getAllAsync(sql: string, params: ColumnValue[]): Promise<unknown[]>
}

/**
 * A driver for `expo-sqlite` and what looks like it. Transactions are begun by SQL, not by
 * `withTransactionAsync`: that one takes the write lock at its first write, when what it has read
 * may be old.
 */
export function expoSqlite(db: ExpoDatabase, name?: string): SqliteDriver {
  return {
    ...(name !== undefined && { name }),
    exec: (sql) => db.execAsync(sql),
    run: async (sql, params) => void (await db.runAsync(sql, [...params])),
    all: (sql, params) => db.getAllAsync(sql, [...params]),
  }
}

/** SQLite's own result codes and texts → codes of `StorageError`. The text is all that some drivers tell. */
const CAUSES: { code: string; numbers: readonly number[]; pattern: RegExp }[] = [
  { code: 'blocked', numbers: [5, 6], pattern: /SQLITE_(BUSY|LOCKED)|is locked/ },
  { code: 'quota', numbers: [13], pattern: /SQLITE_FULL|disk is full/ },
  {
    code: 'corrupt',
    numbers: [11, 26],
    pattern: /SQLITE_(CORRUPT|NOTADB)|malformed|not a database/,
  },
  { code: 'closed', numbers: [21], pattern: /SQLITE_MISUSE|not open|closed/ },
]

/** Any error as the storage passes it on: those of SQLite named, those of others as they are. */
export function sqliteError(error: unknown): unknown {
  if (error instanceof SyncError || !(error instanceof Error)) return error
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  const ofSqlite =
    typeof errcode === 'number' || /SQLITE|sqlite|database/.test(`${String(code)} ${error.message}`)
  if (!ofSqlite) return error
  const primary = typeof errcode === 'number' ? errcode & 0xff : undefined
  const text = `${String(code)} ${error.message}`
  const cause = CAUSES.find(({ numbers, pattern }) =>
    primary === undefined ? pattern.test(text) : numbers.includes(primary),
  )
  return new StorageError({
    code: cause?.code ?? 'storage',
    message: `SQLite: ${error.message}`,
    cause: error,
  })
}
