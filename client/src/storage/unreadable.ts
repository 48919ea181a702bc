import { type Damage, StorageError } from '../model/errors.ts'
import type { Keys, StoreName } from '../model/records.ts'

/** Stands where a record is that cannot be read. */
export class Unreadable {
  readonly key: Keys[StoreName]
  /** What is there instead, as far as it can be had. */
  readonly content: unknown

  constructor(key: Keys[StoreName], content: unknown) {
    this.key = key
    this.content = content
  }
}

/** The error that names records which cannot be read, so that they can be set aside. */
export function damaged(
  store: StoreName,
  records: readonly { key: Keys[StoreName]; content: unknown }[],
): StorageError {
  const list = records.map(({ key, content }): Damage => ({ store, key, content }))
  return new StorageError({
    code: 'corrupt',
    message: `${list.length} records of "${store}" cannot be read.`,
    damaged: list,
  })
}

/** A stored text as the record it stands for. */
export function parse<T>(text: string, key: Keys[StoreName]): T | Unreadable {
  try {
    const record: unknown = JSON.parse(text)
    if (typeof record === 'object' && record !== null) return record as T
  } catch {
    // Falls through to what cannot be read.
  }
  return new Unreadable(key, text)
}
