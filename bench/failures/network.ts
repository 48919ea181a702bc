import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { sign } from 'hono/jwt'
import { jwtSecret, stack, type TestUser } from '../../dev/testing.ts'
import { within } from './within.ts'

export type Fault =
  /** No request arrives. */
  | 'offline'
  /** The next write is carried out and its answer gets lost; nothing else arrives. */
  | 'answer lost'
  /** Requests carry a token that has run out, which the server refuses. */
  | 'expired token'
  /** Something at the network's edge answers 500. */
  | 'error 500'

/** No request for so many milliseconds is quiet. */
const QUIET = 400

/**
 * The network between a user's device and the stack. Faults concern data alone: signing in always works.
 */
export class Network {
  /** Hears of faults as they begin and end: for what does not go through `fetch`. */
  onFault: (fault: Fault | undefined) => void = () => {}
  /** Writes that were answered with an error. */
  refused = 0
  readonly #user: TestUser
  #fault: Fault | undefined
  #underWay = 0
  #last = performance.now()
  #cut = (): void => {}

  constructor(user: TestUser) {
    this.#user = user
  }

  get fault(): Fault | undefined {
    return this.#fault
  }

  set fault(fault: Fault | undefined) {
    this.#fault = fault
    this.onFault(fault)
  }

  /** A client as a page that was just loaded has it: signed in, and the one before is gone. */
  async connect(): Promise<SupabaseClient> {
    this.cut()
    const page = new AbortController()
    this.#cut = () => page.abort()
    const client = createClient(stack().api_url, stack().publishable_key, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      global: { fetch: (...request) => this.#fetch(page.signal, ...request) },
    })
    const { error } = await client.auth.signInWithPassword(this.#user)
    if (error) throw error
    return client
  }

  /** Ends the page: nothing that it has under way is answered any more. */
  cut(): void {
    this.#cut()
  }

  /** Resolves when no request is under way and none has been for a moment, or when it takes too long. */
  async quiet(most = 4_000): Promise<void> {
    this.#last = performance.now()
    await within(most, async () => this.#underWay === 0 && performance.now() - this.#last > QUIET)
  }

  async #fetch(
    page: AbortSignal,
    ...[input, init = {}]: Parameters<typeof fetch>
  ): Promise<Response> {
    if (page.aborted) return never()
    this.#underWay++
    try {
      const answer = await this.#send(String(input), init)
      return page.aborted ? never() : answer
    } catch (error) {
      if (page.aborted) return never()
      throw error
    } finally {
      this.#underWay--
      this.#last = performance.now()
    }
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    if (!/\/(rest|functions)\/v1\//.test(url)) return fetch(url, init)
    const writes = (init.method ?? 'GET') !== 'GET'
    const lost = this.fault === 'answer lost' && writes
    if (this.fault === 'offline' || (this.fault === 'answer lost' && !lost)) throw failed()
    if (this.fault === 'error 500') {
      if (writes) this.refused++
      return Response.json({ message: 'Internal Server Error' }, { status: 500 })
    }
    // At once: what is sent at the same time does not arrive.
    if (lost) this.fault = 'offline'
    const headers = new Headers(init.headers)
    if (this.fault === 'expired token')
      headers.set('authorization', await expired(this.#user.accessToken))
    const answer = await fetch(url, { ...init, headers })
    if (lost) {
      await answer.text()
      throw failed()
    }
    if (writes && !answer.ok) this.refused++
    return answer
  }
}

/** In the words of Chrome, which some libraries look for. */
function failed(): TypeError {
  return new TypeError('Failed to fetch')
}

function never(): Promise<never> {
  return new Promise(() => {})
}

/** A header with the same token, had it run out an hour ago. */
export async function expired(token: string): Promise<string> {
  const [, payload] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object
  const past = { ...claims, exp: Math.floor(Date.now() / 1_000) - 3_600 }
  return `Bearer ${await sign(past, jwtSecret(), 'HS256')}`
}
