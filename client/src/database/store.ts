import { type Damage, StorageError } from '../model/errors.ts'
import type { DamagedRecord, IdentityRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import { noTabs, type TabMessage, type Tabs } from '../platform/tabs.ts'
import type { SyncStorage, Transaction } from '../storage/contract.ts'
import { type Clock, systemClock, timestamp } from '../util/clock.ts'
import { createEmitter } from '../util/emitter.ts'
import type { NewId } from '../util/uuid.ts'
import { withChecksums } from './checksums.ts'
import { setAside, withFurtherDamage } from './corruption.ts'
import { visibleRow } from './rebase.ts'
import {
  type Commit,
  createWriteTransaction,
  type Origin,
  type WriteTransaction,
} from './write-transaction.ts'

export { cursorOf, deviceOf } from './meta.ts'

/** Mutations that wait, and mutations that were refused. */
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
  /**
   * A storage may run `body` again, and one that encrypts does until it has all that is written in its
   * hands: rows and mutations follow from what `body` reads, from `transaction.at` and from what was made before the
   * call, never from a clock or from chance.
   */
  write<T>(origin: Origin, body: (transaction: WriteTransaction) => Promise<T>): Promise<T>
  onCommit(fn: (commit: Commit) => void): () => void
  /**
   * With false tells those who listen that every row is gone, without touching any: they are for somebody
   * else, and nobody hears of them until it is called with true, which takes that back.
   */
  setVisible(visible: boolean): Promise<void>
  /** As of the last commit of this store. */
  counts(): Counts
  close(): Promise<void>
}

/** What a store needs of its surroundings. */
export interface StoreDeps {
  clock?: Clock
  /** The other tabs on the same storage: they are told of every commit, and tell of theirs. */
  tabs?: Tabs
  /** Whether a table has columns that stay on this device. */
  hasLocal?: (table: string) => boolean
  /** Told of every record that was set aside because it could not be read. */
  onDamaged?: (record: DamagedRecord) => void
}

/** How often a transaction is run again because of records that cannot be read. */
const REPAIRS = 100

/**
 * Gives the device its id where it has none. Resolves to true where that is a new one. Where only the record
 * was lost it is the old one, and every mutation that waits may have been sent already.
 */
async function ensureDevice(tx: Transaction, newId: NewId): Promise<boolean> {
  if (await tx.get('meta', 'device')) return false
  const known = [...(await tx.scan('queue')), ...(await tx.scan('failed'))]
  const seq = known.reduce((last, mutation) => Math.max(last, mutation.seq), 0)
  const twin = (await tx.get('meta', 'identity')) as IdentityRecord | undefined
  const { id, user } = twin ?? { id: newId(), user: null }
  const sentSeq = twin ? seq : 0
  await tx.putMany('meta', [{ name: 'device', id, user, seq, sentSeq, completed: 0 }])
  return !twin
}

async function count(tx: Transaction): Promise<Counts> {
  const [pending, failed] = await Promise.all([tx.count('queue'), tx.count('failed')])
  return { pending, failed }
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
  let opening: Promise<boolean> | undefined
  let closed = false
  let hidden = false

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
    const { isNew, now } = await withCorruptionRecovery(() =>
      storage.transaction('readwrite', async (tx) => {
        const isNew = await ensureDevice(withChecksums(tx), newId)
        return { isNew, now: await count(tx) }
      }),
    )
    counts = now
    return isNew
  }

  /** Runs a transaction, again where records cannot be read, once these are out of the way. */
  async function withCorruptionRecovery<T>(work: () => Promise<T>): Promise<T> {
    for (let left = REPAIRS; ; left--) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof StorageError) || error.damaged.length === 0 || left === 0)
          throw error
        await repair(error.damaged)
      }
    }
  }

  async function repair(damage: readonly Damage[]): Promise<void> {
    const at = timestamp(clock)
    const { records, rows, now } = await withFurtherDamage(damage, (all) =>
      storage.transaction('readwrite', async (native) => {
        const tx = withChecksums(native)
        const rows: Commit['rows'] = new Map()
        const records = await setAside(createWriteTransaction(tx, at, rows, hasLocal), all, newId)
        await ensureDevice(tx, newId)
        return { records, rows, now: await count(tx) }
      }),
    )
    counts = now
    notify({ origin: 'remote', rows })
    for (const record of records) onDamaged(record)
  }

  /** Runs a transaction; a storage that the browser has closed is opened again. */
  async function attempt<T>(work: () => Promise<T>): Promise<T> {
    await open()
    try {
      return await withCorruptionRecovery(work)
    } catch (error) {
      if (closed || !(error instanceof StorageError) || error.code !== 'closed') throw error
      opening = undefined
      await open()
      return withCorruptionRecovery(work)
    }
  }

  function notify(commit: Commit): void {
    if (!hidden) commits.emit('commit', commit)
  }

  function tell(origin: Origin, rows: Commit['rows']): void {
    const ids = [...rows].map(([table, changed]): [string, string[]] => [
      table,
      [...changed.keys()],
    ])
    tabs.post({ kind: 'commit', origin, ids })
  }

  /** Another tab has committed: reads what it has changed, for those who listen here. */
  async function onTabMessage(message: TabMessage): Promise<void> {
    if (message.kind !== 'commit' || closed || !opening) return
    const { origin, ids } = message
    const rows: Commit['rows'] = new Map()
    counts = await attempt(() =>
      storage.transaction('readonly', async (tx) => {
        for (const [table, changed] of ids) {
          const keys = changed.map((id) => [table, id] as const)
          const records = await tx.getMany('rows', keys)
          const shown = records.map((record) => (record ? visibleRow(record) : null))
          rows.set(table, new Map(changed.map((id, n) => [id, shown[n]!])))
        }
        return count(tx)
      }),
    )
    notify({ origin, rows, fromOtherTab: true })
  }

  /** Tells those who listen of every row, as it is or as if it were gone. */
  async function setVisible(visible: boolean): Promise<void> {
    hidden = !visible
    const rows: Commit['rows'] = new Map()
    const records = await attempt(() => storage.transaction('readonly', (tx) => tx.scan('rows')))
    for (const record of records) {
      const { table, id } = record
      const changed = rows.get(table) ?? new Map<string, Row | null>()
      rows.set(table, changed.set(id, hidden ? null : visibleRow(record)))
    }
    commits.emit('commit', { origin: 'remote', rows })
  }

  // What fails here fails again, and is told, where somebody asks for it.
  tabs.listen((message) => void onTabMessage(message).catch(() => {}))

  return {
    open,
    setVisible,
    read: (body) => attempt(() => storage.transaction('readonly', (tx) => body(withChecksums(tx)))),
    async write(origin, body) {
      let at: string | undefined
      const { result, now, rows } = await attempt(() =>
        storage.transaction('readwrite', async (native) => {
          at ??= timestamp(clock)
          const rows: Commit['rows'] = new Map()
          const tx = withChecksums(native)
          const result = await body(createWriteTransaction(tx, at, rows, hasLocal))
          return { result, now: await count(tx), rows }
        }),
      )
      const changed =
        rows.size > 0 || now.pending !== counts.pending || now.failed !== counts.failed
      counts = now
      notify({ origin, rows })
      if (changed) tell(origin, rows)
      return result
    },
    onCommit: (fn) => commits.on('commit', fn),
    counts: () => counts,
    async close() {
      closed = true
      tabs.close()
      await storage.close()
    },
  }
}
