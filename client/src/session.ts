import { AuthError } from './errors.ts'
import type { Settings } from './options.ts'
import { checkName } from './push.ts'
import { deviceOf } from './store.ts'
import type { Store } from './store.ts'

/** Who this device is to the server: the account it syncs for, and the name it goes by. */
export interface Session {
  /**
   * The store belongs to the account that first synced it. Throws an `AuthError` (`other_user`) where
   * another one is signed in: its edits and rows must not mix with these.
   */
  claim(): Promise<void>
  /**
   * Before the first push of a session: asks how much the server has heard under this device's name. A
   * store that was rolled back or cloned takes a new one, before its edits are mistaken for old ones.
   */
  checkName(): Promise<void>
  /** An answer to a push has said the same. */
  nameIsFine(): void
}

export function createSession(
  store: Store,
  { user, newId }: Pick<Settings, 'user' | 'newId'>,
  /** Asks for the highest `seq` that the server has heard from a device. */
  register: (device: string) => Promise<number>,
): Session {
  let checked = false
  return {
    async claim() {
      const account = await user()
      if (account == null) return
      const owner = (await store.read(deviceOf)).user
      if (owner === account) return
      if (owner !== null)
        throw new AuthError({
          code: 'other_user',
          message: 'This store holds the rows and edits of another account.',
          hint: 'Keep one store a user, e.g. indexedDbStorage(`app-${user.id}`).',
        })
      await store.write('local', async ({ tx }) =>
        tx.putMany('meta', [{ ...(await deviceOf(tx)), user: account }]),
      )
    },
    async checkName() {
      // A name made up in this session cannot be anybody else's.
      if (checked || (await store.open())) return
      const { id } = await store.read(deviceOf)
      const lastSeq = await register(id)
      await store.write('local', (draft) => checkName(draft, lastSeq, newId))
      checked = true
    },
    nameIsFine() {
      checked = true
    },
  }
}
