import { StorageError } from '../model/errors.ts'
import type { CursorRecord, DetachedAccountRecord, DeviceRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'

/** The record that says who this device is. */
export async function deviceOf(tx: Transaction): Promise<DeviceRecord> {
  const device = await tx.get('meta', 'device')
  if (device) return device as DeviceRecord
  // Somebody has emptied the storage, such as a user who deletes a site's data.
  throw new StorageError({
    code: 'corrupt',
    message: 'The storage does not know this device.',
    damaged: [{ store: 'meta', key: 'device', content: null }],
  })
}

/** Where this device stands in the server's log. */
export const cursorOf = async (tx: Transaction): Promise<CursorRecord> =>
  ((await tx.get('meta', 'cursor')) as CursorRecord | undefined) ?? {
    name: 'cursor',
    cursor: null,
    pages: 0,
  }

/** The key of what is put away for an account. */
export const detachedAccountKey = (user: string): DetachedAccountRecord['name'] =>
  `detached:${user}`
