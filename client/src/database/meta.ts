import { StorageError } from '../model/errors.ts'
import type { CursorRecord, DetachedAccountRecord, DeviceRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'

/** The device record. */
export async function deviceOf(tx: Transaction): Promise<DeviceRecord> {
  const device = await tx.get('meta', 'device')
  if (device) return device as DeviceRecord
  // The storage was emptied, for example by a user who deleted the site's data.
  throw new StorageError({
    code: 'corrupt',
    message: 'The storage has no record of this device.',
    damaged: [{ store: 'meta', key: 'device', content: null }],
  })
}

/** The cursor record; a null cursor where none is stored. */
export const cursorOf = async (tx: Transaction): Promise<CursorRecord> =>
  ((await tx.get('meta', 'cursor')) as CursorRecord | undefined) ?? {
    name: 'cursor',
    cursor: null,
    pages: 0,
  }

/** The key of a user's `DetachedAccountRecord`. */
export const detachedAccountKey = (user: string): DetachedAccountRecord['name'] =>
  `detached:${user}`
