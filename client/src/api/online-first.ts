import { classify, ValidationError } from '../model/errors.ts'
import type { FailedMutation } from '../model/records.ts'
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

  function tableOf(name: TableName<DB>): Table {
    const table = sync.table(name) as unknown as Table

    /**
     * Writes and syncs. Throws where the server rejects an edit of one of the written rows (`idsOf`). A rejected edit
     * names a row by its server key, which may have replaced a temporary id.
     */
    async function writeAndSync<T>(
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

    const key = keys[name] ?? 'id'
    const idOf = (row: Record<string, unknown>): string => String(row[key])
    const currentRow = async (row: Record<string, unknown>) => (await table.get(idOf(row))) ?? row

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
      insert: async (row, options) =>
        currentRow(
          await writeAndSync(
            () => table.insert(row, options),
            (inserted) => [idOf(inserted)],
          ),
        ),
      insertMany: async (rows, options) =>
        Promise.all(
          (
            await writeAndSync(
              () => table.insertMany(rows, options),
              (inserted) => inserted.map(idOf),
            )
          ).map(currentRow),
        ),
      update: async (id, patch, options) =>
        currentRow(
          await writeAndSync(
            () => table.update(id, patch, options),
            (row) => [String(id), idOf(row)],
          ),
        ),
      async remove(id, options) {
        await writeAndSync(
          async () => {
            // `id` may be a temporary id that the server's key has replaced.
            const row = await table.get(id)
            await table.remove(id, options)
            return row
          },
          (row) => [String(id), ...(row ? [idOf(row)] : [])],
        )
      },
    }
  }

  return {
    ...sync,
    table: <Name extends TableName<DB>>(name: Name) =>
      tableOf(name) as unknown as TableOf<DB, Name>,
  }
}
