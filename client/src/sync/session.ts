import { changeOwner } from '../database/account-switch.ts'
import { replaceDuplicateDevice } from '../database/batch.ts'
import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { AuthError, type SyncError } from '../model/errors.ts'
import { sleep } from '../transport/backoff.ts'
import type { Settings } from './settings.ts'

/**
 * The session says who owns the store, and under which device id the store syncs.
 *
 * | owner of the store | signed in | `tryMakeOwner` |
 * | --- | --- | --- |
 * | no user | a user | the user becomes the owner; mutations that the store kept at the user's sign-out are queued again |
 * | a user | the same user | nothing changes |
 * | any | no user | is not called: rows stay as they are, mutations are queued, nothing is sent |
 * | any | the client cannot tell (`undefined`) | is not called: the server decides by the token |
 * | a user, no unsent mutations | another user | the store is emptied, and that user becomes the owner |
 * | a user, unsent mutations | another user | access is denied (`other_user`) until the app calls `signOut` |
 */
export interface Session {
  /**
   * Called before a run: makes the signed-in user the owner, which may empty the store. Throws an `AuthError`:
   * `not_signed_in`, or `other_user` if the store holds unsent mutations of another user. Does nothing if the client
   * cannot tell who is signed in.
   */
  ensureOwner(): Promise<void>
  /**
   * Makes the signed-in user the owner. Resolves when that has succeeded or failed, and after one second at the
   * latest; the work then goes on. Never rejects.
   */
  ensureOwnerAtStart(): Promise<void>
  /** Throws the last known access error, `other_user`. Checks nothing anew. */
  throwIfDenied(): void
  /**
   * Called before the app reads or writes a row. If access is denied, tries once more to make the signed-in user the
   * owner, and throws if access stays denied.
   */
  recheckAccess(): Promise<void>
  /**
   * Called before each push: until the device id needs no check any more, registers the device and reads the highest
   * `seq` that the server knows of it. A store that was rolled back or cloned gets a new id, since its mutations
   * would be taken for duplicates.
   */
  ensureUniqueDevice(): Promise<void>
  /** Called after a push response, which proves that the device id needs no check any more. */
  markDeviceConfirmed(): void
  /** Called after the store has lost its owner: allows access, and lets the device id be checked again. */
  forgetOwner(): void
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

/** Listens for sign-ins from now until `close`. */
export function createSession(
  store: Store,
  { account, clock, newId, device }: Settings,
  /** Registers a device; resolves to the highest `seq` that the server knows of it. */
  registerDevice: (deviceId: string) => Promise<number>,
): Session {
  /** The device id needs no check before a push: the server knows it from this store, or this store has replaced it. */
  let deviceConfirmed = false
  /** Why the signed-in user must not see the rows; undefined where access is allowed. */
  let accessError: SyncError | undefined

  const unwatch = account.watch((user) => {
    // After a sign-out the rows stay readable; only another user must not see them. A store that fails is reported by
    // the next call that uses it.
    if (user !== null) tryMakeOwner(user).catch(() => {})
  })

  /** Denies or allows access. If that changes, subscribers of rows are called without any row, or with all rows. */
  async function setAccessError(error?: SyncError): Promise<void> {
    const visibilityChanges = error !== undefined || accessError !== undefined
    accessError = error
    if (visibilityChanges) await store.setVisible(!error)
  }

  /**
   * Makes `user` the owner, which may empty the store, and allows access; denies access if the store holds unsent
   * mutations of another owner. A new owner syncs under another device id, which is to be checked.
   */
  async function tryMakeOwner(user: string): Promise<void> {
    if ((await store.read(deviceOf)).user === user) return setAccessError()
    const changed = await store.write('remote', (transaction) =>
      changeOwner(transaction, user, newId),
    )
    if (changed) deviceConfirmed = false
    return setAccessError(changed ? undefined : otherUserError())
  }

  return {
    async ensureOwner() {
      const user = await account.user()
      if (user === undefined) return
      if (user === null) throw notSignedInError()
      await tryMakeOwner(user)
      if (accessError) throw accessError
    },
    throwIfDenied() {
      if (accessError) throw accessError
    },
    async ensureOwnerAtStart() {
      const ownerChange = account.user().then((user) => (user ? tryMakeOwner(user) : undefined))
      ownerChange.catch(() => {})
      // Offline, the renewal of an expired token takes long; the app starts without it.
      const sleeping = new AbortController()
      await Promise.race([ownerChange, sleep(1_000, clock, sleeping.signal)]).catch(() => {})
      sleeping.abort()
    },
    async recheckAccess() {
      if (!accessError) return
      // Another tab may have signed the owner out: then the store has no owner, and the user can become it.
      const user = await account.user()
      if (user) await tryMakeOwner(user)
      if (accessError) throw accessError
    },
    async ensureUniqueDevice() {
      if (deviceConfirmed) return
      // The id of a store that was made in this session is unique. The device is registered only for its description.
      const isNew = await store.open()
      if (isNew && Object.keys(device).length === 0) return
      const { id } = await store.read(deviceOf)
      const lastSeq = await registerDevice(id)
      await store.write('local', (transaction) =>
        replaceDuplicateDevice(transaction, lastSeq, newId),
      )
      deviceConfirmed = true
    },
    markDeviceConfirmed() {
      deviceConfirmed = true
    },
    forgetOwner() {
      deviceConfirmed = false
      // Not awaited: a store that fails is reported by the next call that uses it.
      setAccessError().catch(() => {})
    },
    close: unwatch,
  }
}
