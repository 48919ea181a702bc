import type { DamagedRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import { noTabs, type TabMessage, type Tabs } from '../platform/tabs.ts'
import type { SyncStorage, Transaction } from '../storage/contract.ts'
import { type Clock, systemClock, timestamp } from '../util/clock.ts'
import { createEmitter } from '../util/emitter.ts'
import type { NewId } from '../util/uuid.ts'
import { withChecksums } from './checksums.ts'
import { visibleRow } from './rebase.ts'
import { countMutations, type Counts, createStorageAccess } from './storage-access.ts'
import {
  type Commit,
  createWriteTransaction,
  type Origin,
  type WriteTransaction,
} from './write-transaction.ts'

export { cursorOf, deviceOf } from './meta.ts'
export type { Counts } from './storage-access.ts'

/** The local database: transactions on a storage, with a notification after each commit. */
export interface Store {
  /**
   * Opens the storage. Resolves to true where the device got its id, which happens on first use. `read` and `write`
   * open it by themselves.
   */
  open(): Promise<boolean>
  read<T>(body: (tx: Transaction) => Promise<T>): Promise<T>
  /**
   * Runs `body` in a transaction that may write. A storage may run `body` several times; an encrypted storage does
   * until every value is encrypted. So `body` depends only on what it reads, on `transaction.at` and on values
   * from before the call, never on the clock or on random numbers.
   */
  write<T>(origin: Origin, body: (transaction: WriteTransaction) => Promise<T>): Promise<T>
  /** Calls `fn` after every commit, also those of other tabs. Returns an unsubscribe function. */
  onCommit(fn: (commit: Commit) => void): () => void
  /**
   * With false, reports every row as removed to the listeners of `onCommit`, and no commit after that: the rows
   * belong to another user. With true, reports every row as it is. The stored rows do not change.
   */
  setVisible(visible: boolean): Promise<void>
  /** As of the last commit of this store. */
  counts(): Counts
  close(): Promise<void>
}

export interface StoreDeps {
  clock?: Clock
  /** The other tabs that share the storage. Each tab reports its commits to the others. */
  tabs?: Tabs
  /** Whether a table has columns that stay on this device. */
  hasLocal?: (table: string) => boolean
  /** Called for every damaged record that was moved to the store `damaged`. */
  onDamaged?: (record: DamagedRecord) => void
}

export function createStore(
  storage: SyncStorage,
  newId: NewId,
  {
    clock = systemClock,
    tabs = noTabs,
    hasLocal = () => false,
    onDamaged = () => {},
  }: StoreDeps = {},
): Store {
  const commits = createEmitter<{ commit: Commit }>()
  let counts: Counts = { pending: 0, failed: 0 }
  let hidden = false

  const access = createStorageAccess(storage, {
    newId,
    clock,
    hasLocal,
    onOpened: (now) => void (counts = now),
    onRepaired(now, rows, records) {
      counts = now
      notify({ origin: 'remote', rows })
      for (const record of records) onDamaged(record)
    },
  })

  function notify(commit: Commit): void {
    if (!hidden) commits.emit('commit', commit)
  }

  /** Reads the rows that another tab has changed, and reports its commit. */
  async function onTabMessage(message: TabMessage): Promise<void> {
    if (message.kind !== 'commit' || !access.isOpen()) return
    const { rows, now } = await access.transaction('readonly', async (tx) => ({
      rows: await visibleRows(tx, message.ids),
      now: await countMutations(tx),
    }))
    counts = now
    notify({ origin: message.origin, rows, fromOtherTab: true })
  }

  // A storage that cannot be read rejects the next call of the app too, so the error is ignored here.
  tabs.listen((message) => void onTabMessage(message).catch(() => {}))

  return {
    open: access.open,
    async setVisible(visible) {
      hidden = !visible
      const records = await access.transaction('readonly', (tx) => tx.scan('rows'))
      const rows: Commit['rows'] = new Map()
      for (const record of records) {
        const { table, id } = record
        const changed = rows.get(table) ?? new Map<string, Row | null>()
        rows.set(table, changed.set(id, hidden ? null : visibleRow(record)))
      }
      commits.emit('commit', { origin: 'remote', rows })
    },
    read: (body) => access.transaction('readonly', (tx) => body(withChecksums(tx))),
    async write(origin, body) {
      let at: string | undefined
      const { result, now, rows } = await access.transaction('readwrite', async (native) => {
        at ??= timestamp(clock)
        const rows: Commit['rows'] = new Map()
        const tx = withChecksums(native)
        const result = await body(createWriteTransaction(tx, at, rows, hasLocal))
        return { result, now: await countMutations(tx), rows }
      })
      const changed =
        rows.size > 0 || now.pending !== counts.pending || now.failed !== counts.failed
      counts = now
      notify({ origin, rows })
      if (changed) tabs.post({ kind: 'commit', origin, ids: idsOf(rows) })
      return result
    },
    onCommit: (fn) => commits.on('commit', fn),
    counts: () => counts,
    async close() {
      tabs.close()
      await access.close()
    },
  }
}

type IdsByTable = [table: string, ids: string[]][]

const idsOf = (rows: Commit['rows']): IdsByTable =>
  [...rows].map(([table, changed]) => [table, [...changed.keys()]])

/** The rows of these ids as the app sees them; null for those that are missing. */
async function visibleRows(tx: Transaction, ids: IdsByTable): Promise<Commit['rows']> {
  const rows: Commit['rows'] = new Map()
  for (const [table, changed] of ids) {
    const keys = changed.map((id) => [table, id] as const)
    const records = await tx.getMany('rows', keys)
    const visible = records.map((record) => (record ? visibleRow(record) : null))
    rows.set(table, new Map(changed.map((id, index) => [id, visible[index]!])))
  }
  return rows
}
