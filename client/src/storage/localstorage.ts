import { StorageError } from '../model/errors.ts'
import type { Keys, StoreName } from '../model/records.ts'
import { createTabs } from '../platform/browser-tabs.ts'
import { browserLocks, type Locks } from '../platform/locks.ts'
import { uuid } from '../util/uuid.ts'
import type { SyncStorage } from './contract.ts'
import { SCHEMA, STORE_NAMES } from './contract.ts'
import { parse, Unreadable } from './unreadable.ts'
import { type Change, type Stored, WorkingSet } from './working-set.ts'

/** The part of the Web Storage API that is used; `localStorage` and React Native's MMKV wrappers have it. */
export interface WebStorage {
  readonly length: number
  key(place: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

export interface LocalStorageOptions {
  /** Where to keep it. Default `localStorage`. */
  area?: WebStorage
  /** How tabs take turns. Default: Web Locks. */
  locks?: Locks
}

/** What a transaction is to do to the area: item → new text, null where it goes. */
type Items = [item: string, text: string | null][]

const QUOTA = new Set(['QuotaExceededError', 'NS_ERROR_DOM_QUOTA_REACHED'])

function storageError(error: unknown): unknown {
  if (error instanceof StorageError || !(error instanceof DOMException)) return error
  const code = QUOTA.has(error.name)
    ? 'quota'
    : error.name === 'SecurityError'
      ? 'blocked'
      : 'storage'
  return new StorageError({ code, message: `localStorage: ${error.message}`, cause: error })
}

/**
 * Keeps everything in `localStorage`, under items whose names begin with `key`; survives restarts, and
 * several tabs may use it at once. Each record is an item; a transaction is written down as a whole
 * before it touches the first of them, so that one that was cut short is completed later. Browsers give
 * about 5 million characters, and everything is also held in memory: meant for small apps, and for
 * places without IndexedDB.
 */
export function localStorageStorage(
  key: string,
  { area: given, locks = browserLocks }: LocalStorageOptions = {},
): SyncStorage {
  const set = new WorkingSet()
  const journal = `${key}/journal`
  /** Changes with every commit, so that a tab notices those of others. */
  const mark = `${key}/commit`
  let area: WebStorage | undefined
  let seen: string | null | undefined

  const itemOf = (store: StoreName, key_: Keys[StoreName]): string =>
    `${key}/${store}/${JSON.stringify(key_)}`

  function finish(area: WebStorage, items: Items): void {
    for (const [item, text] of items) {
      if (text === null) area.removeItem(item)
      else area.setItem(item, text)
    }
    area.removeItem(journal)
  }

  /** Completes a transaction that was cut short. */
  function recover(area: WebStorage): void {
    const text = area.getItem(journal)
    if (text === null) return
    const items = parse<Items>(text, 'journal' as Keys[StoreName])
    if (items instanceof Unreadable) {
      area.setItem(`${key}/damaged journal`, text)
      area.removeItem(journal)
    } else finish(area, items)
  }

  function load(area: WebStorage): void {
    recover(area)
    const now = area.getItem(mark)
    if (now === seen) return
    set.clear()
    const names = Array.from({ length: area.length }, (_, place) => area.key(place))
    for (const store of STORE_NAMES) {
      const prefix = `${key}/${store}/`
      for (const item of names) {
        if (!item?.startsWith(prefix)) continue
        const id = JSON.parse(item.slice(prefix.length)) as Keys[StoreName]
        set.load(store, id, recordOf(store, id, area.getItem(item) ?? ''))
      }
    }
    seen = now
  }

  function save(area: WebStorage, changes: readonly Change[]): void {
    const texts = new Map(
      changes.map(({ store, key: id, record }) => [
        itemOf(store, id),
        record ? JSON.stringify(record) : null,
      ]),
    )
    const next = uuid()
    const items: Items = [...texts, [mark, next]]
    const before: Items = items.map(([item]) => [item, area.getItem(item)])
    area.setItem(journal, JSON.stringify(items))
    try {
      finish(area, items)
    } catch (error) {
      finish(area, before.toReversed())
      throw error
    }
    seen = next
  }

  return {
    tabs: (options) => createTabs(`localstorage:${key}`, options),
    async open() {
      try {
        area ??= given ?? globalThis.localStorage
      } catch (error) {
        throw storageError(error)
      }
      if (!area)
        throw new StorageError({ code: 'blocked', message: 'There is no localStorage here.' })
    },
    transaction: (mode, body) =>
      locks.request(`tidemark:${key}`, async () => {
        const open = area
        if (!open) throw new StorageError({ code: 'closed', message: 'The storage is not open.' })
        try {
          load(open)
          return await set.transaction(mode, body, (changes) => save(open, changes))
        } catch (error) {
          throw storageError(error)
        }
      }),
    async size() {
      let characters = 0
      for (let place = 0; place < (area?.length ?? 0); place++) {
        const item = area!.key(place)!
        if (item.startsWith(`${key}/`)) characters += item.length + area!.getItem(item)!.length
      }
      return 2 * characters
    },
    async close() {
      await locks.request(`tidemark:${key}`, async () => {
        area = undefined
        seen = undefined
        set.clear()
      })
    },
  }
}

/** A record as text; one that is not what its item's name says cannot be read. */
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
