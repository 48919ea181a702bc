import { NetworkError } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'

/** What is read of a session of Supabase Auth. */
export interface AuthSession {
  user: { id: string }
  /** When the access token expires, in seconds since 1970. */
  expires_at?: number
}

interface AuthAnswer {
  data: { session: AuthSession | null }
  error?: { name: string; message: string } | null
}

/** The part of `supabase.auth` that is used. What a client lacks is done without. */
export interface AuthLike {
  getSession(): Promise<AuthAnswer>
  refreshSession?(): Promise<AuthAnswer>
  onAuthStateChange?(fn: (event: string, session: AuthSession | null) => void): {
    data: { subscription: { unsubscribe(): void } }
  }
}

/** Who is signed in, and the token that proves it. */
export interface Account {
  /**
   * The id of the account that is signed in: null for none, undefined where the client cannot say. A
   * token that is about to expire is renewed first. Throws a `NetworkError` where one had to be and
   * could not for want of a network.
   */
  user(): Promise<string | null | undefined>
  /** Renews the token, once for all who ask at the same time. False where that is not possible. */
  renew(): Promise<boolean>
  /** Calls `fn` when somebody signs in or out. Returns what ends it. */
  watch(fn: (user: string | null) => void): () => void
}

/** A token is renewed so many milliseconds before it expires. */
const EARLY = 60_000

export function supabaseAccount(supabase: { auth: AuthLike }, clock: Clock): Account {
  let renewing: Promise<boolean> | undefined

  async function renewed(): Promise<boolean> {
    try {
      const answer = await supabase.auth.refreshSession?.()
      return !!answer?.data.session
    } catch {
      // A client with an accessToken callback of its own has no session to renew.
      return false
    }
  }

  function renew(): Promise<boolean> {
    return (renewing ??= renewed().finally(() => (renewing = undefined)))
  }

  return {
    async user() {
      let answer: AuthAnswer
      try {
        answer = await supabase.auth.getSession()
      } catch {
        // The same client: the server will tell whether its token is good.
        return undefined
      }
      const { data, error } = answer
      if (!data.session) {
        if (error?.name === 'AuthRetryableFetchError')
          throw new NetworkError({ code: 'network', message: error.message, cause: error })
        return null
      }
      const { user, expires_at = Infinity } = data.session
      if (expires_at * 1000 - clock.now() < EARLY) await renew()
      return user.id
    },
    renew,
    watch(fn) {
      try {
        const watched = supabase.auth.onAuthStateChange?.((_, session) =>
          fn(session?.user.id ?? null),
        )
        return () => watched?.data.subscription.unsubscribe()
      } catch {
        return () => {}
      }
    },
  }
}
