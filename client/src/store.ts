import { StorageError } from './errors.ts'
import type { NewId } from './ids.ts'
import type { Row } from './row.ts'
import type { CursorRecord, DeviceRecord, RowRecord, SyncStorage, Transaction } from './storage.ts'

/** Whose doing a change was. */
export type Origin = 'local' | 'remote'

/** What one transaction changed, as the app sees it: table → id → row, null where it is gone. */
export interface Commit {
  origin: Origin
  rows: Map<string, Map<string, Row | null>>
}

/** A transaction that writes, and the list of what it changes. */
export interface Draft {
  readonly tx: Transaction
  /** Puts records of rows. */
  put(records: readonly RowRecord[]): Promise<void>
  /** Drops records of rows. */
  drop(records: readonly Pick<RowRecord, 'table' | 'id'>[]): Promise<void>
}

/** Edits that wait, and edits that were refused. */
export interface Counts {
  pending: number
  failed: number
}

/** The local database: transactions over a storage, and word of every commit to those who listen. */
export interface Store {
  /**
   * Opens the storage; on the very first use gives the device its id, and resolves to true where it
   * did. Reading and writing open by themselves.
   */
  open(): Promise<boolean>
  read<T>(body: (tx: Transaction) => Promise<T>): Promise<T>
  write<T>(origin: Origin, body: (draft: Draft) => Promise<T>): Promise<T>
  onCommit(fn: (commit: Commit) => void): () => void
  /** Tells those who listen that every row is gone, without touching any: they are for somebody else. */
  hide(): Promise<void>
  /** Takes that back. */
  show(): Promise<void>
  /** As of the last commit of this store. */
  counts(): Counts
  close(): Promise<void>
}

/** The record that says who this device is. */
export const deviceOf = async (tx: Transaction): Promise<DeviceRecord> =>
  (await tx.get('meta', 'device')) as DeviceRecord

/** Where this device stands in the server's log. */
export const cursorOf = async (tx: Transaction): Promise<CursorRecord> =>
  ((await tx.get('meta', 'cursor')) as CursorRecord | undefined) ?? {
    name: 'cursor',
    cursor: null,
    pages: 0,
  }

const newDevice = (id: string): DeviceRecord => ({
  name: 'device',
  id,
  user: null,
  seq: 0,
  sent: 0,
  completed: 0,
})

function createDraft(tx: Transaction, rows: Commit['rows']): Draft {
  const show = (table: string, id: string, row: Row | null): void => {
    let changed = rows.get(table)
    if (!changed) rows.set(table, (changed = new Map()))
    changed.set(id, row)
  }
  return {
    tx,
    async put(records) {
      for (const { table, id, row } of records) show(table, id, row)
      await tx.putMany('rows', records)
    },
    async drop(records) {
      for (const { table, id } of records) show(table, id, null)
      await tx.deleteMany(
        'rows',
        records.map(({ table, id }) => [table, id] as const),
      )
    },
  }
}

async function count(tx: Transaction): Promise<Counts> {
  const [pending, failed] = await Promise.all([tx.count('queue'), tx.count('failed')])
  return { pending, failed }
}

export function createStore(storage: SyncStorage, newId: NewId): Store {
  const listeners = new Set<(commit: Commit) => void>()
  let counts: Counts = { pending: 0, failed: 0 }
  let opening: Promise<boolean> | undefined
  let closed = false

  async function open(): Promise<boolean> {
    if (closed) throw new StorageError({ code: 'closed', message: 'This sync has been closed.' })
    try {
      return await (opening ??= firstOpen())
    } catch (error) {
      opening = undefined
      throw error
    }
  }

  async function firstOpen(): Promise<boolean> {
    await storage.open()
    const { isNew, now } = await storage.transaction('readwrite', async (tx) => {
      const isNew = !(await tx.get('meta', 'device'))
      if (isNew) await tx.putMany('meta', [newDevice(newId())])
      return { isNew, now: await count(tx) }
    })
    counts = now
    return isNew
  }

  async function tell(visible: boolean): Promise<void> {
    await open()
    const records = await storage.transaction('readonly', (tx) => tx.scan('rows'))
    const rows: Commit['rows'] = new Map()
    for (const { table, id, row } of records) {
      const changed = rows.get(table) ?? new Map<string, Row | null>()
      rows.set(table, changed.set(id, visible ? row : null))
    }
    for (const fn of listeners) fn({ origin: 'remote', rows })
  }

  return {
    open,
    hide: () => tell(false),
    show: () => tell(true),
    async read(body) {
      await open()
      return storage.transaction('readonly', body)
    },
    async write(origin, body) {
      await open()
      const rows: Commit['rows'] = new Map()
      const { result, now } = await storage.transaction('readwrite', async (tx) => {
        const result = await body(createDraft(tx, rows))
        return { result, now: await count(tx) }
      })
      counts = now
      for (const fn of listeners) fn({ origin, rows })
      return result
    },
    onCommit(fn) {
      listeners.add(fn)
      return () => void listeners.delete(fn)
    },
    counts: () => counts,
    async close() {
      closed = true
      await storage.close()
    },
  }
}
