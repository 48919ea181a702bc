import { pause } from '../transport/backoff.ts'
import { AuthError, type SyncError } from '../model/errors.ts'
import { deviceOf, parkedKey } from '../database/meta.ts'
import type { Settings } from '../api/options.ts'
import { part } from '../util/part.ts'
import { checkName } from '../database/batch.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Store } from '../database/store.ts'

/** Who this device is to the server: the account it syncs for, and the name it goes by. */
export interface Session {
  /**
   * Before a run: gives the store to the account that is signed in. Throws an `AuthError`:
   * `not_signed_in`, or `other_user` where the store holds unsent edits of another account.
   */
  claim(): Promise<void>
  /** Looks who is signed in, but not for long. */
  begin(): Promise<void>
  /** Throws what `claim` would, as far as is known by now. */
  check(): void
  /** Before a row is read or written by the app: throws where they are another account's. */
  admit(): Promise<void>
  /**
   * Before the first push of a session: asks how much the server has heard under this device's name. A
   * store that was rolled back or cloned takes a new one, before its edits are mistaken for old ones.
   */
  checkName(): Promise<void>
  /** An answer to a push has said the same. */
  nameIsFine(): void
  /** The store is nobody's any more. */
  reset(): void
  /** Stops following who signs in. */
  close(): void
}

const notSignedIn = (): AuthError =>
  new AuthError({
    code: 'not_signed_in',
    message: 'Nobody is signed in.',
    hint: 'What is written waits for whoever signs in.',
  })

const otherUser = (): AuthError =>
  new AuthError({
    code: 'other_user',
    message: 'This store holds unsent edits of another account.',
    hint: 'Choose: sync.signOut({ unsent: "keep" }), or "discard".',
  })

/** Gives `user` a store that was nobody's and where nothing is put away for them. False where it is not so. */
async function takeFirst(tx: Transaction, user: string): Promise<boolean> {
  const device = await deviceOf(tx)
  if (device.user !== null || (await tx.get('meta', parkedKey(user)))) return false
  await tx.putMany('meta', [{ ...device, user }])
  return true
}

export function createSession(
  store: Store,
  { account, clock, newId, options: { device = {} } }: Settings,
  /** Asks for the highest `seq` that the server has heard from a device. */
  register: (device: string) => Promise<number>,
): Session {
  let checked = false
  /** Why the rows here are not for the account that is signed in. */
  let barred: SyncError | undefined

  const ended = account.watch((user) => {
    // Signed out, an app goes on with what it has; only somebody else must not see it.
    if (user !== null) settle(user).catch(() => {})
  })

  /** Bars the rows here, or frees them: subscribers see none, or all again. */
  async function bar(why?: SyncError): Promise<void> {
    const matters = why ?? barred
    barred = why
    if (matters) await store.show(!why)
  }

  /** Makes the store `user`'s, or bars it where that would cost the owner edits. */
  async function settle(user: string): Promise<void> {
    if ((await store.read(deviceOf)).user === user) return bar()
    const taken =
      (await store.write('remote', ({ tx }) => takeFirst(tx, user))) || (await changeOwner(user))
    if (taken) checked = false
    return bar(taken ? undefined : otherUser())
  }

  async function changeOwner(user: string): Promise<boolean> {
    const { changeOwner } = await part(import('../database/account-switch.ts'))
    return store.write('remote', (draft) => changeOwner(draft, user, newId))
  }

  return {
    async claim() {
      const user = await account.user()
      if (user === undefined) return
      if (user === null) throw notSignedIn()
      await settle(user)
      if (barred) throw barred
    },
    check() {
      if (barred) throw barred
    },
    async begin() {
      const found = account.user().then((user) => (user ? settle(user) : undefined))
      found.catch(() => {})
      // Where the session has to be renewed and there is no network, the app does not wait for that.
      const enough = new AbortController()
      await Promise.race([found, pause(1_000, clock, enough.signal)]).catch(() => {})
      enough.abort()
    },
    async admit() {
      if (!barred) return
      // Another tab may have seen to it.
      const user = await account.user()
      if (user) await settle(user)
      if (barred) throw barred
    },
    async checkName() {
      if (checked) return
      // A name made up in this session cannot be anybody else's: there is nothing to ask, only to tell.
      const isNew = await store.open()
      if (isNew && Object.keys(device).length === 0) return
      const { id } = await store.read(deviceOf)
      const lastSeq = await register(id)
      await store.write('local', (draft) => checkName(draft, lastSeq, newId))
      checked = true
    },
    nameIsFine() {
      checked = true
    },
    reset() {
      checked = false
      // Free at once; rows that cannot be read now are read when somebody asks for them.
      bar().catch(() => {})
    },
    close: ended,
  }
}
