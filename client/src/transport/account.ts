import { NetworkError } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'

/** The fields of a Supabase Auth session that are used. */
export interface AuthSession {
  user: { id: string }
  /** When the access token expires, in seconds since 1970. */
  expires_at?: number
}

interface AuthAnswer {
  data: { session: AuthSession | null }
  error?: { name: string; message: string } | null
}

/** The methods of `supabase.auth` that are used. The optional ones may be missing. */
export interface AuthLike {
  getSession(): Promise<AuthAnswer>
  refreshSession?(): Promise<AuthAnswer>
  onAuthStateChange?(fn: (event: string, session: AuthSession | null) => void): {
    data: { subscription: { unsubscribe(): void } }
  }
}

/** The user who is signed in, and the user's access token. */
export interface Account {
  /**
   * The id of the user who is signed in: null for none, undefined where the client cannot tell. Renews a token that is
   * about to expire first, and throws a `NetworkError` where that is necessary and the device is offline.
   */
  user(): Promise<string | null | undefined>
  /** Renews the token; concurrent calls share one renewal. Resolves to false where it is not possible. */
  renew(): Promise<boolean>
  /** Calls `fn` when a user signs in or out. Returns an unsubscribe function. */
  watch(fn: (user: string | null) => void): () => void
}

/** A token is renewed this many milliseconds before it expires. */
const RENEWAL_MARGIN = 60_000

export function supabaseAccount(supabase: { auth: AuthLike }, clock: Clock): Account {
  let renewing: Promise<boolean> | undefined

  async function renewToken(): Promise<boolean> {
    try {
      const answer = await supabase.auth.refreshSession?.()
      return !!answer?.data.session
    } catch {
      // A client with an `accessToken` callback has no session to renew.
      return false
    }
  }

  function renew(): Promise<boolean> {
    return (renewing ??= renewToken().finally(() => (renewing = undefined)))
  }

  return {
    async user() {
      let answer: AuthAnswer
      try {
        answer = await supabase.auth.getSession()
      } catch {
        // A client with an `accessToken` callback has no session to read; the server checks its token.
        return undefined
      }
      const { data, error } = answer
      if (!data.session) {
        if (error?.name === 'AuthRetryableFetchError')
          throw new NetworkError({ code: 'network', message: error.message, cause: error })
        return null
      }
      const { user, expires_at = Infinity } = data.session
      if (expires_at * 1000 - clock.now() < RENEWAL_MARGIN) await renew()
      return user.id
    },
    renew,
    watch(fn) {
      try {
        const listener = supabase.auth.onAuthStateChange?.((_, session) =>
          fn(session?.user.id ?? null),
        )
        return () => listener?.data.subscription.unsubscribe()
      } catch {
        return () => {}
      }
    },
  }
}
