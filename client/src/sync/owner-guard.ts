import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { AuthError } from '../model/errors.ts'
import type { DeviceRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Account } from '../transport/account.ts'

/**
 * Stops a run after `signOut`. The token of the previous owner may still be valid then: rows that the run downloads
 * with it must not reach the next owner of the store, and the next owner's mutations must not be sent with it.
 */
export interface OwnerGuard {
  /** Remembers the owner; called when a run has made the signed-in user the owner. */
  pin(): Promise<void>
  /** The device record. Throws an `AuthError` where the store has had another owner since `pin`. */
  ownedDevice(tx: Transaction): Promise<DeviceRecord>
  /** The store; every transaction checks the owner first. */
  guarded: Store
}

export function createOwnerGuard(store: Store, account: Pick<Account, 'user'>): OwnerGuard {
  let pinnedGeneration: number | undefined

  async function ownedDevice(tx: Transaction): Promise<DeviceRecord> {
    const device = await deviceOf(tx)
    if (device.ownerGeneration !== pinnedGeneration)
      throw new AuthError({ code: 'not_signed_in', message: 'The user has signed out.' })
    return device
  }

  return {
    async pin() {
      const device = await store.read(deviceOf)
      // A user is signed in and the store has no owner: `signOut` came after the run made the user the owner. NaN
      // equals no generation, so every check throws.
      const signedOut = device.user === null && !!(await account.user())
      pinnedGeneration = signedOut ? NaN : device.ownerGeneration
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
