import { changeOwner } from '../database/account-switch.ts'
import { ensureUniqueDevice } from '../database/batch.ts'
import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { AuthError, type SyncError } from '../model/errors.ts'
import { sleep } from '../transport/backoff.ts'
import type { Settings } from './settings.ts'

/**
 * The user for whom this store syncs, and the device id that it goes by.
 *
 * | store of | signed in | then |
 * | --- | --- | --- |
 * | no user | a user | the store is theirs, with the mutations that were detached for them |
 * | a user | the same user | nothing changes |
 * | a user | no user | rows stay readable, mutations are queued, nothing is sent |
 * | a user, all mutations sent | another user | the store is emptied for them |
 * | a user, mutations unsent | another user | access is denied until the app decides (`other_user`) |
 */
export interface Session {
  /**
   * Before a run: gives the store to the user who is signed in. Throws an `AuthError`: `not_signed_in`, or
   * `other_user` where the store holds unsent mutations of another user.
   */
  assertOwner(): Promise<void>
  /** Finds out who is signed in, but does not wait long for it. */
  start(): Promise<void>
  /** Throws what `assertOwner` would, by what is known so far. */
  throwIfDenied(): void
  /** Before the app reads or writes a row: throws where the rows are another user's. */
  assertAccess(): Promise<void>
  /**
   * Before the first push of a session: asks for the highest `seq` that the server knows of this device id. A
   * store that was rolled back or cloned takes a new id, before its mutations are mistaken for old ones.
   */
  ensureUniqueDevice(): Promise<void>
  /** A push response has said as much. */
  deviceConfirmed(): void
  /** The store has no user any more. */
  reset(): void
  /** Stops following who signs in. */
  close(): void
}

const notSignedIn = (): AuthError =>
  new AuthError({
    code: 'not_signed_in',
    message: 'No user is signed in.',
    hint: 'Edits are queued until a user signs in.',
  })

const otherUser = (): AuthError =>
  new AuthError({
    code: 'other_user',
    message: 'This store holds unsent edits of another user.',
    hint: 'Choose: sync.signOut({ unsent: "keep" }), or "discard".',
  })

export function createSession(
  store: Store,
  { account, clock, newId, device }: Settings,
  /** Registers a device; resolves to the highest `seq` that the server knows of it. */
  register: (device: string) => Promise<number>,
): Session {
  let checked = false
  /** Why the user who is signed in must not see the rows. */
  let accessError: SyncError | undefined

  const ended = account.watch((user) => {
    // Signed out, an app goes on with its rows; only another user must not see them.
    if (user !== null) giveStoreTo(user).catch(() => {})
  })

  /** Hides the rows, or shows them again: subscribers see none, or all. */
  async function setAccessError(error?: SyncError): Promise<void> {
    const changes = error ?? accessError
    accessError = error
    if (changes) await store.setVisible(!error)
  }

  /** Gives the store to `user`, or denies access where that would cost its owner mutations. */
  async function giveStoreTo(user: string): Promise<void> {
    if ((await store.read(deviceOf)).user === user) return setAccessError()
    const given = await store.write('remote', (transaction) =>
      changeOwner(transaction, user, newId),
    )
    if (given) checked = false
    return setAccessError(given ? undefined : otherUser())
  }

  return {
    async assertOwner() {
      const user = await account.user()
      if (user === undefined) return
      if (user === null) throw notSignedIn()
      await giveStoreTo(user)
      if (accessError) throw accessError
    },
    throwIfDenied() {
      if (accessError) throw accessError
    },
    async start() {
      const found = account.user().then((user) => (user ? giveStoreTo(user) : undefined))
      found.catch(() => {})
      // Without a network, an expired token cannot be renewed: the app does not wait for that.
      const enough = new AbortController()
      await Promise.race([found, sleep(1_000, clock, enough.signal)]).catch(() => {})
      enough.abort()
    },
    async assertAccess() {
      if (!accessError) return
      // Another tab may have settled it.
      const user = await account.user()
      if (user) await giveStoreTo(user)
      if (accessError) throw accessError
    },
    async ensureUniqueDevice() {
      if (checked) return
      // An id that was made in this session cannot be another device's: there is nothing to ask, only to tell.
      const isNew = await store.open()
      if (isNew && Object.keys(device).length === 0) return
      const { id } = await store.read(deviceOf)
      const lastSeq = await register(id)
      await store.write('local', (transaction) => ensureUniqueDevice(transaction, lastSeq, newId))
      checked = true
    },
    deviceConfirmed() {
      checked = true
    },
    reset() {
      checked = false
      // At once; rows that cannot be read now are read when the app asks for them.
      setAccessError().catch(() => {})
    },
    close: ended,
  }
}
