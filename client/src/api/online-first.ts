import { classify, ValidationError } from '../model/errors.ts'
import type { FailedMutation } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Table } from './table.ts'
import type { Sync, TableName, TableOf } from './types.ts'

/** Options of {@link onlineFirst}. */
export interface OnlineFirstOptions {
  /** Milliseconds that a call waits for the server before it uses the local data. Default 5,000. */
  timeout?: number
  /** Columns of primary keys that are not called `id`, by table. */
  keys?: Readonly<Record<string, string>>
}

/**
 * A sync whose reads and writes use the server first. A read syncs before it reads. A write is sent at once, and
 * throws a `ValidationError` with the server's reason where it is rejected. Where the server does not answer in time,
 * reads return the local rows, and writes stay queued. `subscribe` always shows the local rows.
 */
export function onlineFirst<DB>(
  sync: Sync<DB>,
  { timeout = 5_000, keys = {} }: OnlineFirstOptions = {},
): Sync<DB> {
  let nextSync: Promise<void> | undefined

  /** Syncs; calls of the same microtask share one run. Its failure is only reported by the event `sync_error`. */
  function trySync(): Promise<void> {
    nextSync ??= syncInMicrotask()
    return nextSync
  }

  async function syncInMicrotask(): Promise<void> {
    await Promise.resolve()
    nextSync = undefined
    try {
      await sync.sync({ signal: AbortSignal.timeout(timeout) })
    } catch (error) {
      // Where the store fails, the local data cannot be used.
      if (classify(error).name === 'StorageError') throw error
    }
  }

  return {
    ...sync,
    table: <Name extends TableName<DB>>(name: Name) =>
      onlineFirstTable({
        name,
        table: sync.table(name) as unknown as Table,
        key: keys[name] ?? 'id',
        sync,
        trySync,
      }) as unknown as TableOf<DB, Name>,
  }
}

interface OnlineFirstTableDeps {
  name: string
  table: Table
  /** Column of the primary key. */
  key: string
  sync: Pick<Sync, 'on'>
  trySync(): Promise<void>
}

/** A table whose reads sync first, and whose writes are sent before they resolve. */
function onlineFirstTable(deps: OnlineFirstTableDeps): Table {
  const { table, key, trySync } = deps
  const idOf = (row: Row): string => String(row[key])
  const currentRow = async (row: Row): Promise<Row> => (await table.get(idOf(row))) ?? row
  return {
    ...table,
    async get(id) {
      await trySync()
      return table.get(id)
    },
    async list(filter, options) {
      await trySync()
      return table.list(filter, options)
    },
    async insert(row, options) {
      const write = () => table.insert(row, options)
      const inserted = await writeAndSync(deps, write, (result) => [idOf(result)])
      return currentRow(inserted)
    },
    async insertMany(rows, options) {
      const write = () => table.insertMany(rows, options)
      const inserted = await writeAndSync(deps, write, (result) => result.map(idOf))
      return Promise.all(inserted.map(currentRow))
    },
    async update(id, patch, options) {
      const write = () => table.update(id, patch, options)
      const updated = await writeAndSync(deps, write, (result) => [String(id), idOf(result)])
      return currentRow(updated)
    },
    async remove(id, options) {
      const write = async () => {
        // `id` may be a temporary id that the server's key has replaced; the row has the current key.
        const row = await table.get(id)
        await table.remove(id, options)
        return row
      }
      await writeAndSync(deps, write, (row) => [String(id), ...(row ? [idOf(row)] : [])])
    },
  }
}

/**
 * Writes and syncs. Throws where the server rejects an edit of one of the written rows (`idsOf`). A rejected edit names
 * a row by its server key, which may have replaced a temporary id.
 */
async function writeAndSync<T>(
  { name, sync, trySync }: OnlineFirstTableDeps,
  write: () => Promise<T>,
  idsOf: (result: T) => string[],
): Promise<T> {
  const rejected: FailedMutation[] = []
  const assignedKeys = new Map<string, string>()
  const unsubscribes = [
    sync.on('rejected', (mutation) => void rejected.push(mutation)),
    sync.on('key_assigned', ({ table, local, remote }) => {
      if (table === name) assignedKeys.set(String(local), String(remote))
    }),
  ]
  try {
    const result = await write()
    await trySync()
    const ids = new Set(idsOf(result).flatMap((id) => [id, assignedKeys.get(id) ?? id]))
    const own = rejected.find((mutation) => mutation.table === name && ids.has(mutation.id))
    if (!own) return result
    throw new ValidationError({
      code: own.error.code,
      message: own.error.message,
      hint: 'queue.list({ status: "failed" }) lists the edit.',
    })
  } finally {
    for (const unsubscribe of unsubscribes) unsubscribe()
  }
}
