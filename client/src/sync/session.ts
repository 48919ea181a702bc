import { changeOwner } from '../database/account-switch.ts'
import { ensureUniqueDevice } from '../database/batch.ts'
import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { AuthError, type SyncError } from '../model/errors.ts'
import { sleep } from '../transport/backoff.ts'
import type { Settings } from './settings.ts'

/**
 * The owner of the store and its device id: makes the signed-in user the owner where that is possible.
 *
 * | owner of the store | signed in | result |
 * | --- | --- | --- |
 * | no user | a user | the user becomes the owner; mutations that were kept at their sign-out are queued again |
 * | a user | the same user | nothing changes |
 * | a user | no user | rows stay readable, mutations are queued, nothing is sent |
 * | a user, no unsent mutations | another user | the store is emptied, and that user becomes the owner |
 * | a user, unsent mutations | another user | access is denied (`other_user`) until the app calls `signOut` |
 */
export interface Session {
  /**
   * Called before a run: makes the signed-in user the owner. Throws an `AuthError`: `not_signed_in`, or `other_user`
   * where the store holds unsent mutations of another user.
   */
  assertOwner(): Promise<void>
  /** Makes the signed-in user the owner. Waits for the sign-in for at most one second. */
  start(): Promise<void>
  /** Throws `other_user` where `assertOwner` or a sign-in has found that another user is the owner. */
  throwIfDenied(): void
  /** Called before the app reads or writes a row: throws where another user is the owner. */
  assertAccess(): Promise<void>
  /**
   * Called before the first push of a session: fetches the highest `seq` that the server knows of this device id. A
   * store that was rolled back or cloned gets a new id, since its mutations would be taken for duplicates.
   */
  ensureUniqueDevice(): Promise<void>
  /** Called after a push response, which confirms the device id as `ensureUniqueDevice` does. */
  confirmDevice(): void
  /** Called after a sign-out: the store has no owner. */
  reset(): void
  /** Stops listening for sign-ins. */
  close(): void
}

const notSignedInError = (): AuthError =>
  new AuthError({
    code: 'not_signed_in',
    message: 'No user is signed in.',
    hint: 'Edits are queued until a user signs in.',
  })

const otherUserError = (): AuthError =>
  new AuthError({
    code: 'other_user',
    message: 'This store holds unsent edits of another user.',
    hint: 'Call sync.signOut({ unsent: "keep" }) or sync.signOut({ unsent: "discard" }).',
  })

export function createSession(
  store: Store,
  { account, clock, newId, device }: Settings,
  /** Registers a device; resolves to the highest `seq` that the server knows of it. */
  register: (device: string) => Promise<number>,
): Session {
  /** True where the server has confirmed the device id in this session. */
  let deviceConfirmed = false
  /** Why the signed-in user must not see the rows; undefined where access is allowed. */
  let accessError: SyncError | undefined

  const unwatch = account.watch((user) => {
    // After a sign-out the rows stay readable; only another user must not see them.
    if (user !== null) makeOwner(user).catch(() => {})
  })

  /** Denies or allows access: subscribers are called without any rows, or with all rows. */
  async function setAccessError(error?: SyncError): Promise<void> {
    const denied = error ?? accessError
    accessError = error
    if (denied) await store.setVisible(!error)
  }

  /** Makes `user` the owner; denies access where the store holds unsent mutations of another owner. */
  async function makeOwner(user: string): Promise<void> {
    if ((await store.read(deviceOf)).user === user) return setAccessError()
    const changed = await store.write('remote', (transaction) =>
      changeOwner(transaction, user, newId),
    )
    if (changed) deviceConfirmed = false
    return setAccessError(changed ? undefined : otherUserError())
  }

  return {
    async assertOwner() {
      const user = await account.user()
      if (user === undefined) return
      if (user === null) throw notSignedInError()
      await makeOwner(user)
      if (accessError) throw accessError
    },
    throwIfDenied() {
      if (accessError) throw accessError
    },
    async start() {
      const signedIn = account.user().then((user) => (user ? makeOwner(user) : undefined))
      signedIn.catch(() => {})
      // Offline, the renewal of an expired token takes long; the app starts without it.
      const timer = new AbortController()
      await Promise.race([signedIn, sleep(1_000, clock, timer.signal)]).catch(() => {})
      timer.abort()
    },
    async assertAccess() {
      if (!accessError) return
      // Another tab may have signed the owner out.
      const user = await account.user()
      if (user) await makeOwner(user)
      if (accessError) throw accessError
    },
    async ensureUniqueDevice() {
      if (deviceConfirmed) return
      // A new id is unique: it is registered only where the app describes the device.
      const isNew = await store.open()
      if (isNew && Object.keys(device).length === 0) return
      const { id } = await store.read(deviceOf)
      const lastSeq = await register(id)
      await store.write('local', (transaction) => ensureUniqueDevice(transaction, lastSeq, newId))
      deviceConfirmed = true
    },
    confirmDevice() {
      deviceConfirmed = true
    },
    reset() {
      deviceConfirmed = false
      // Not awaited: rows that cannot be read now are read at the next call of the app.
      setAccessError().catch(() => {})
    },
    close: unwatch,
  }
}
