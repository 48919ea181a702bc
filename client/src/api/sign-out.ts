import { detachAccount, countUnsent as unsentEdits } from '../database/account-switch.ts'
import type { Store } from '../database/store.ts'
import { ConflictError } from '../model/errors.ts'
import type { NewId } from '../util/uuid.ts'

/** What becomes of edits that the server has not taken when their user signs out. */
export interface SignOutOptions {
  /**
   * `sync`: they are sent first; where that fails, nothing happens. `keep`: they wait, out of sight,
   * until the same user signs in on this device again. `discard`: they are thrown away.
   */
  unsent?: 'sync' | 'keep' | 'discard'
}

/** What became of a user's edits. Edits that `sync` sent and the server refused are kept. */
export interface SignedOut {
  sent: number
  kept: number
  discarded: number
}

/** Forgets the user's rows. `send` sends what waits and resolves to how many edits those were. */
export async function signOut(
  store: Store,
  { unsent }: SignOutOptions,
  newId: NewId,
  send: () => Promise<number>,
): Promise<SignedOut> {
  const waiting = await store.read(unsentEdits)
  if (waiting > 0 && unsent === undefined)
    throw new ConflictError({
      code: 'unsent_edits',
      message: `${waiting} edits have not been taken by the server.`,
      hint: 'Choose: signOut({ unsent: "sync" }), "keep" or "discard".',
    })
  const sent = unsent === 'sync' && waiting > 0 ? await send() : 0
  const left = await store.write('remote', async (transaction) => {
    const rest = await unsentEdits(transaction.tx)
    await detachAccount(transaction, rest > 0 && unsent !== 'discard', newId)
    return rest
  })
  return unsent === 'discard'
    ? { sent, kept: 0, discarded: left }
    : { sent, kept: left, discarded: 0 }
}
