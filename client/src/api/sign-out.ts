import { countUnsent, detachAccount } from '../database/account-switch.ts'
import type { Store } from '../database/store.ts'
import { ConflictError } from '../model/errors.ts'
import type { NewId } from '../util/uuid.ts'

/** What happens at a sign-out to edits that the server has not acknowledged. */
export interface SignOutOptions {
  /**
   * `sync`: the edits are sent first; where that fails, the user stays signed in. `keep`: the edits are kept hidden
   * until the same user signs in on this device again. `discard`: the edits are deleted.
   */
  unsent?: 'sync' | 'keep' | 'discard'
}

/** How many edits were sent, kept and discarded. Edits that the server rejected are kept, also with `sync`. */
export interface SignedOut {
  sent: number
  kept: number
  discarded: number
}

/** Removes the owner and the owner's rows from the store. `push` sends the queued edits and resolves to their number. */
export async function signOut(
  store: Store,
  { unsent }: SignOutOptions,
  newId: NewId,
  push: () => Promise<number>,
): Promise<SignedOut> {
  const unsentEdits = await store.read(countUnsent)
  if (unsentEdits > 0 && unsent === undefined)
    throw new ConflictError({
      code: 'unsent_edits',
      message: `The server has not acknowledged ${unsentEdits} edits.`,
      hint: 'Call signOut({ unsent: "sync" }), or with "keep" or "discard".',
    })
  const sent = unsent === 'sync' && unsentEdits > 0 ? await push() : 0
  const remaining = await store.write('remote', async (transaction) => {
    const count = await countUnsent(transaction.tx)
    await detachAccount(transaction, count > 0 && unsent !== 'discard', newId)
    return count
  })
  return unsent === 'discard'
    ? { sent, kept: 0, discarded: remaining }
    : { sent, kept: remaining, discarded: 0 }
}
