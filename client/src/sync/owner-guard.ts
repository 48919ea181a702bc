import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { AuthError } from '../model/errors.ts'
import type { DeviceRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Account } from '../transport/account.ts'

/**
 * Keeps a run to the user for whom it began. A user who has signed out of the store may be signed in to the
 * project for a while yet: what a run goes on to fetch with their token is not for the next user of the store, and
 * what the next user writes is not theirs to send.
 */
export interface OwnerGuard {
  /** Remembers whose store it is; called once the store has been claimed for the user who is signed in. */
  pin(): Promise<void>
  /** This device. Throws an `AuthError` where the store has been emptied for another user since `pin`. */
  ownedDevice(tx: Transaction): Promise<DeviceRecord>
  /** The store, of which every transaction makes that check first. */
  guarded: Store
}

export function createOwnerGuard(store: Store, account: Pick<Account, 'user'>): OwnerGuard {
  let ownerGeneration: number | undefined

  async function ownedDevice(tx: Transaction): Promise<DeviceRecord> {
    const device = await deviceOf(tx)
    if (device.ownerGeneration !== ownerGeneration)
      throw new AuthError({ code: 'not_signed_in', message: 'The user has signed out.' })
    return device
  }

  return {
    async pin() {
      const device = await store.read(deviceOf)
      // Signed in, and yet not the owner: the user signed out between claiming and now. No run is theirs.
      const signedOut = device.user === null && !!(await account.user())
      ownerGeneration = signedOut ? NaN : device.ownerGeneration
    },
    ownedDevice,
    guarded: {
      ...store,
      read: (body) => store.read(async (tx) => (await ownedDevice(tx), body(tx))),
      write: (origin, body) =>
        store.write(origin, async (transaction) => {
          await ownedDevice(transaction.tx)
          return body(transaction)
        }),
    },
  }
}
