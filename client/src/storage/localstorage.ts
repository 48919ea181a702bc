import { StorageError } from '../model/errors.ts'
import type { Keys, StoreName } from '../model/records.ts'
import { createTabs } from '../platform/browser-tabs.ts'
import { browserLocks, type Locks } from '../platform/locks.ts'
import { uuid } from '../util/uuid.ts'
import type { SyncStorage } from './contract.ts'
import { SCHEMA, STORE_NAMES } from './contract.ts'
import { parse, Unreadable } from './unreadable.ts'
import { type Change, type Stored, WorkingSet } from './working-set.ts'

/** The methods of the Web Storage API that are used; `localStorage` and MMKV wrappers of React Native have them. */
export interface WebStorage {
  readonly length: number
  key(index: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

export interface LocalStorageOptions {
  /** The storage area. Default `localStorage`. */
  area?: WebStorage
  /** Locks between tabs. Default: Web Locks. */
  locks?: Locks
}

/** The changes of a transaction: item → new text, null where the item is removed. */
type Items = [item: string, text: string | null][]

const QUOTA_ERRORS = new Set(['QuotaExceededError', 'NS_ERROR_DOM_QUOTA_REACHED'])

/** An error of Web Storage as a `StorageError`; any other error unchanged. */
function storageError(error: unknown): unknown {
  if (error instanceof StorageError || !(error instanceof DOMException)) return error
  const code = QUOTA_ERRORS.has(error.name)
    ? 'quota'
    : error.name === 'SecurityError'
      ? 'blocked'
      : 'storage'
  return new StorageError({ code, message: `localStorage: ${error.message}`, cause: error })
}

/**
 * Stores everything in `localStorage`, in items whose names begin with `key`. The data survives restarts, and tabs
 * can share it. Each record is an item. A transaction is first written to a journal, from which an interrupted one
 * is completed later. Browsers allow about 5 million characters, and all records are also kept in memory: meant for
 * small apps, and for platforms without IndexedDB.
 */
export function localStorageStorage(
  key: string,
  { area: areaOption, locks = browserLocks }: LocalStorageOptions = {},
): SyncStorage {
  const records = new WorkingSet()
  const journalItem = `${key}/journal`
  /** An item that every commit changes, so that a tab notices the commits of others. */
  const commitItem = `${key}/commit`
  let area: WebStorage | undefined
  /** The content of `commitItem` when `records` was loaded or saved. */
  let loadedCommit: string | null | undefined

  const itemOf = (store: StoreName, recordKey: Keys[StoreName]): string =>
    `${key}/${store}/${JSON.stringify(recordKey)}`

  /** Makes the changes of a transaction and removes the journal. */
  function applyItems(area: WebStorage, items: Items): void {
    for (const [item, text] of items) {
      if (text === null) area.removeItem(item)
      else area.setItem(item, text)
    }
    area.removeItem(journalItem)
  }

  /** Completes an interrupted transaction. */
  function completeJournal(area: WebStorage): void {
    const text = area.getItem(journalItem)
    if (text === null) return
    const items = parse<Items>(text, 'journal' as Keys[StoreName])
    if (items instanceof Unreadable) {
      area.setItem(`${key}/damaged journal`, text)
      area.removeItem(journalItem)
    } else applyItems(area, items)
  }

  /** Loads all records where another tab has committed. */
  function load(area: WebStorage): void {
    completeJournal(area)
    const commit = area.getItem(commitItem)
    if (commit === loadedCommit) return
    records.clear()
    const names = Array.from({ length: area.length }, (_, index) => area.key(index))
    for (const store of STORE_NAMES) {
      const prefix = `${key}/${store}/`
      for (const item of names) {
        if (!item?.startsWith(prefix)) continue
        const id = JSON.parse(item.slice(prefix.length)) as Keys[StoreName]
        records.load(store, id, recordOf(store, id, area.getItem(item) ?? ''))
      }
    }
    loadedCommit = commit
  }

  /** Writes the changes of a transaction; restores the items where that fails. */
  function save(area: WebStorage, changes: readonly Change[]): void {
    const texts = new Map(
      changes.map(({ store, key: id, record }) => [
        itemOf(store, id),
        record ? JSON.stringify(record) : null,
      ]),
    )
    const commit = uuid()
    const items: Items = [...texts, [commitItem, commit]]
    const before: Items = items.map(([item]) => [item, area.getItem(item)])
    area.setItem(journalItem, JSON.stringify(items))
    try {
      applyItems(area, items)
    } catch (error) {
      applyItems(area, before.toReversed())
      throw error
    }
    loadedCommit = commit
  }

  return {
    tabs: (options) => createTabs(`localstorage:${key}`, options),
    async open() {
      try {
        area ??= areaOption ?? globalThis.localStorage
      } catch (error) {
        throw storageError(error)
      }
      if (!area)
        throw new StorageError({ code: 'blocked', message: 'This platform has no localStorage.' })
    },
    transaction: (mode, body) =>
      locks.request(`tidemark:${key}`, async () => {
        const openArea = area
        if (!openArea)
          throw new StorageError({ code: 'closed', message: 'The storage is not open.' })
        try {
          load(openArea)
          return await records.transaction(mode, body, (changes) => save(openArea, changes))
        } catch (error) {
          throw storageError(error)
        }
      }),
    async size() {
      let characters = 0
      for (let index = 0; index < (area?.length ?? 0); index++) {
        const item = area!.key(index)!
        if (item.startsWith(`${key}/`)) characters += item.length + area!.getItem(item)!.length
      }
      return 2 * characters
    },
    async close() {
      await locks.request(`tidemark:${key}`, async () => {
        area = undefined
        loadedCommit = undefined
        records.clear()
      })
    },
  }
}

/** Parses a record; `Unreadable` where the text is damaged or the record has another key than its item. */
function recordOf(store: StoreName, key: Keys[StoreName], text: string): Stored | Unreadable {
  const record = parse<Stored>(text, key)
  if (record instanceof Unreadable) return record
  const values = SCHEMA[store].key.map(
    (column) => (record as unknown as Record<string, unknown>)[column],
  )
  return JSON.stringify(values) === JSON.stringify([key].flat())
    ? record
    : new Unreadable(key, text)
}
