import type { Account } from './account.ts'
import { pause } from './backoff.ts'
import type { Clock } from './clock.ts'
import { AuthError, ConflictError, type SyncError } from './errors.ts'
import type { NewId } from './ids.ts'
import { handOver, takeOver } from './parking.ts'
import { checkName, renamed } from './push.ts'
import type { DeviceInfo } from './storage.ts'
import { deviceOf } from './store.ts'
import type { Store } from './store.ts'

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
  /** Forgets this user's rows; `send` sends what waits. */
  signOut(options: SignOutOptions, send: () => Promise<number>): Promise<SignedOut>
  /** Gives the device a new name, with all that waits as if never sent. */
  renewDevice(): Promise<void>
  /** Stops following who signs in. */
  close(): void
}

const notSignedIn = (): AuthError =>
  new AuthError({
    code: 'not_signed_in',
    message: 'Nobody is signed in.',
    hint: 'What is written meanwhile waits, and goes to whoever signs in.',
  })

const otherUser = (): AuthError =>
  new AuthError({
    code: 'other_user',
    message: 'This store holds unsent edits of another account.',
    hint: 'Choose what becomes of them: sync.signOut({ unsent: "keep" }), or "discard".',
  })

export function createSession(
  store: Store,
  {
    account,
    clock,
    newId,
    device,
  }: { account: Account; clock: Clock; newId: NewId; device: DeviceInfo },
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

  /** Makes the store `user`'s, or bars it where that would cost the owner edits. */
  async function settle(user: string): Promise<void> {
    const before = (await store.read(deviceOf)).user
    if (before === user) {
      if (!barred) return
      barred = undefined
      return store.show()
    }
    barred = await store.write('remote', async (draft) => {
      const { tx } = draft
      const owner = (await deviceOf(tx)).user
      if (owner === user) return undefined
      if (owner !== null) {
        if ((await tx.count('queue')) + (await tx.count('failed')) > 0) return otherUser()
        await handOver(draft, false, newId)
      }
      await takeOver(draft, user)
      checked = false
      return undefined
    })
    if (barred) await store.hide()
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
    async signOut({ unsent }, send) {
      const counts = async (): Promise<number> =>
        store.read(async (tx) => (await tx.count('queue')) + (await tx.count('failed')))
      const waiting = await counts()
      if (waiting > 0 && unsent === undefined)
        throw new ConflictError({
          code: 'unsent_edits',
          message: `${waiting} edits have not been taken by the server.`,
          hint: 'Choose: signOut({ unsent: "sync" }), "keep" or "discard".',
        })
      const sent = unsent === 'sync' && waiting > 0 ? await send() : 0
      const left = await store.write('remote', async (draft) => {
        const { tx } = draft
        const rest = (await tx.count('queue')) + (await tx.count('failed'))
        await handOver(draft, unsent !== 'discard', newId)
        return rest
      })
      barred = undefined
      checked = false
      return unsent === 'discard'
        ? { sent, kept: 0, discarded: left }
        : { sent, kept: left, discarded: 0 }
    },
    async renewDevice() {
      await store.write('local', async ({ tx }) =>
        tx.putMany('meta', [renamed(await deviceOf(tx), newId)]),
      )
    },
    close: ended,
  }
}
