import { classify, ValidationError } from '../model/errors.ts'
import type { FailedMutation } from '../model/records.ts'
import type { Table } from './table.ts'
import type { Sync, TableName, TableOf } from './types.ts'

/** How online-first tables behave. */
export interface OnlineFirstOptions {
  /** Milliseconds that a call waits for the server before it goes on with what is here. Default 5,000. */
  timeout?: number
  /** Primary keys of tables whose key is not called `id`, by table. */
  keys?: Readonly<Record<string, string>>
}

/**
 * The same sync with the server as the primary: a read asks it for news first, a write is sent at once and
 * throws a `ValidationError` with the server's reason where it is refused. Where the server cannot be
 * reached in time both go on with the device: reads give what is here, writes wait in the queue. Live
 * results (`subscribe`) show what is here, as ever.
 */
export function onlineFirst<DB>(
  sync: Sync<DB>,
  { timeout = 5_000, keys = {} }: OnlineFirstOptions = {},
): Sync<DB> {
  let waiting: Promise<void> | undefined

  /** One run for all who ask before it begins. Where it fails, `sync_error` tells and the device goes on. */
  function exchange(): Promise<void> {
    waiting ??= soon()
    return waiting
  }

  async function soon(): Promise<void> {
    await Promise.resolve()
    waiting = undefined
    try {
      await sync.sync({ signal: AbortSignal.timeout(timeout) })
    } catch (error) {
      // A store that does not work is no reason to go on with it.
      if (classify(error).name === 'StorageError') throw error
    }
  }

  function tableOf(name: TableName<DB>): Table {
    const table = sync.table(name) as unknown as Table

    /**
     * Writes, sends, and throws where the server refuses one of the rows. What it refuses goes by the key
     * that the row has by then, which may have been given to it on the way.
     */
    async function send<T>(write: () => Promise<T>, ids: (result: T) => string[]): Promise<T> {
      const refused: FailedMutation[] = []
      const given = new Map<string, string>()
      const ends = [
        sync.on('rejected', (edit) => void refused.push(edit)),
        sync.on('key_assigned', ({ table, local, remote }) => {
          if (table === name) given.set(String(local), String(remote))
        }),
      ]
      try {
        const result = await write()
        await exchange()
        const wanted = new Set(ids(result).flatMap((id) => [id, given.get(id) ?? id]))
        const mine = refused.find((edit) => edit.table === name && wanted.has(edit.id))
        if (!mine) return result
        throw new ValidationError({
          code: mine.error.code,
          message: mine.error.message,
          hint: 'The edit is kept: queue.list({ status: "failed" }).',
        })
      } finally {
        for (const end of ends) end()
      }
    }

    const key = keys[name] ?? 'id'
    const idOf = (row: Record<string, unknown>): string => String(row[key])
    const fresh = async (row: Record<string, unknown>) => (await table.get(idOf(row))) ?? row

    return {
      ...table,
      async get(id) {
        await exchange()
        return table.get(id)
      },
      async list(filter, options) {
        await exchange()
        return table.list(filter, options)
      },
      insert: async (row, options) =>
        fresh(
          await send(
            () => table.insert(row, options),
            (made) => [idOf(made)],
          ),
        ),
      insertMany: async (rows, options) =>
        Promise.all(
          (
            await send(
              () => table.insertMany(rows, options),
              (made) => made.map(idOf),
            )
          ).map(fresh),
        ),
      update: async (id, patch, options) =>
        fresh(
          await send(
            () => table.update(id, patch, options),
            (row) => [String(id), idOf(row)],
          ),
        ),
      async remove(id, options) {
        await send(
          async () => {
            // By a key that stood in once the row is found, and says which one it has now.
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
