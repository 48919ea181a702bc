import 'fake-indexeddb/auto'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { SyncStorage } from '../../src/storage/contract.ts'
import { aesCipher } from '../../src/storage/cipher.ts'
import { encryptedStorage } from '../../src/storage/encrypted.ts'
import { indexedDbStorage } from '../../src/storage/indexeddb.ts'
import { localStorageStorage } from '../../src/storage/localstorage.ts'
import type { WebStorage } from '../../src/storage/localstorage.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { type ExpoDatabase, expoSqlite, syncSqlite } from '../../src/storage/sqlite-driver.ts'
import { sqliteStorage } from '../../src/storage/sqlite.ts'

/** Makes a storage, and others on the same data, as after a restart or in another tab. */
export interface Kind {
  kind: string
  make: () => () => SyncStorage
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-storages-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** A file for a database of its own. */
export const newFile = (): string => join(folder, `${randomUUID()}.db`)

/** Web Storage as browsers have it: text only, with a limit of `quota` characters; kept in a file. */
export class FileArea implements WebStorage {
  readonly #items = new Map<string, string>()
  readonly #quota: number
  readonly #write: StatementSync
  readonly #forget: StatementSync
  #keys: string[] | undefined
  #used = 0

  constructor(file = newFile(), quota = 5_000_000) {
    const db = new DatabaseSync(file)
    db.exec('pragma synchronous = off; pragma journal_mode = memory')
    db.exec('create table if not exists items (key text primary key, value text) strict')
    for (const { key, value } of db.prepare('select key, value from items').all())
      this.#set(String(key), String(value))
    this.#write = db.prepare('insert or replace into items values (?, ?)')
    this.#forget = db.prepare('delete from items where key = ?')
    this.#quota = quota
  }

  #set(key: string, value: string): void {
    this.#used += this.#growth(key, value)
    if (!this.#items.has(key)) this.#keys = undefined
    this.#items.set(key, value)
  }

  #growth(key: string, value: string): number {
    const before = this.#items.get(key)
    return value.length - (before === undefined ? -key.length : before.length)
  }

  get length(): number {
    return this.#items.size
  }

  key(place: number): string | null {
    this.#keys ??= [...this.#items.keys()]
    return this.#keys[place] ?? null
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null
  }

  setItem(key: string, value: string): void {
    if (this.#used + this.#growth(key, value) > this.#quota)
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
    this.#set(key, value)
    this.#write.run(key, value)
  }

  removeItem(key: string): void {
    const value = this.#items.get(key)
    if (value === undefined) return
    this.#used -= key.length + value.length
    this.#items.delete(key)
    this.#keys = undefined
    this.#forget.run(key)
  }
}

/** A database as expo-sqlite offers it: every call answers later. */
export function expoDatabase(file: string): ExpoDatabase {
  const db = new DatabaseSync(file)
  const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return {
    execAsync: async (sql) => {
      await later()
      db.exec(sql)
    },
    runAsync: async (sql, params) => {
      await later()
      return db.prepare(sql).run(...params)
    },
    getAllAsync: async (sql, params) => {
      await later()
      return db.prepare(sql).all(...params)
    },
  }
}

const key = crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
  'encrypt',
  'decrypt',
])

/** A storage whose rows of table `t` are encrypted wholly. */
const encrypted = async (): Promise<(storage: SyncStorage) => SyncStorage> => {
  const cipher = aesCipher(await key)
  return (storage) => encryptedStorage(storage, { cipher, columns: { t: ['id', 'text', 'name'] } })
}
const encrypt = await encrypted()

export const kinds: Kind[] = [
  {
    kind: 'memory',
    make: () => {
      const storage = memoryStorage()
      return () => storage
    },
  },
  {
    kind: 'localStorage',
    make: () => {
      const area = new FileArea()
      return () => localStorageStorage('app', { area })
    },
  },
  {
    kind: 'IndexedDB',
    make: () => {
      const name = randomUUID()
      return () => indexedDbStorage(name)
    },
  },
  {
    kind: 'encrypted, in IndexedDB',
    make: () => {
      const name = randomUUID()
      return () => encrypt(indexedDbStorage(name))
    },
  },
  {
    kind: 'SQLite, answering at once',
    make: () => {
      const file = newFile()
      return () => sqliteStorage(syncSqlite(new DatabaseSync(file)))
    },
  },
  {
    kind: 'SQLite, answering later',
    make: () => {
      const file = newFile()
      return () => sqliteStorage(expoSqlite(expoDatabase(file)))
    },
  },
]
