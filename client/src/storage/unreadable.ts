import { type Damage, StorageError } from '../model/errors.ts'
import type { Keys, StoreName } from '../model/records.ts'

/** Takes the place of a stored record that cannot be read. */
export class Unreadable {
  readonly key: Keys[StoreName]
  /** What the storage still has of the record. */
  readonly content: unknown

  constructor(key: Keys[StoreName], content: unknown) {
    this.key = key
    this.content = content
  }
}

/** The `StorageError` that names records which cannot be read. */
export function damagedError(
  store: StoreName,
  records: readonly { key: Keys[StoreName]; content: unknown }[],
): StorageError {
  const damaged = records.map(({ key, content }): Damage => ({ store, key, content }))
  return new StorageError({
    code: 'corrupt',
    message: `${damaged.length} records of "${store}" cannot be read.`,
    damaged,
  })
}

/** Parses the stored text of a record. */
export function parse<T>(text: string, key: Keys[StoreName]): T | Unreadable {
  try {
    const record: unknown = JSON.parse(text)
    if (typeof record === 'object' && record !== null) return record as T
  } catch {
    // The text is not JSON: returns `Unreadable` below.
  }
  return new Unreadable(key, text)
}
