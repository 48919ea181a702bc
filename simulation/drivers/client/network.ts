import { identify, Refusal } from '../../../dev/gateway/access.ts'
import type { Rpc } from '../../../dev/gateway/rpc.ts'
import type { Keys } from '../../../dev/keys.ts'
import type { Fault } from '../faults.ts'
import type { PushAnswer, PushRequest } from '../../../supabase/functions/_tidemark/wire.ts'

/** What a client that is broken on purpose makes of an answer; the server's stays as it is in the books. */
export type Alter = (name: string, answer: unknown) => unknown

/** Told of each push that was carried out, also where no device hears the answer. */
export type Tap = (request: PushRequest, answer: PushAnswer) => void

export interface NetworkOptions {
  rpc: () => Rpc
  keys: Keys
  /** Requests that the server has not carried out yet. */
  underWay: Set<Promise<unknown>>
  alter?: Alter | undefined
}

/**
 * A `fetch` that leads to the gateway's own code in this process, with faults. `next` names the fault of
 * the next request.
 */
export function network(
  { rpc, keys, underWay, alter }: NetworkOptions,
  tap: Tap,
  next: () => Fault | undefined,
): typeof globalThis.fetch {
  function arrive(input: string, init: RequestInit): Promise<Response> {
    const answer = carryOut(input, init)
    underWay.add(answer)
    const end = (): void => void underWay.delete(answer)
    answer.then(end, end)
    return answer
  }

  async function carryOut(input: string, init: RequestInit): Promise<Response> {
    const url = new URL(input)
    const headers = Object.fromEntries(new Headers(init.headers))
    const name = url.pathname.split('/').at(-1)!
    const body = String(init.body ?? '')
    try {
      const caller = await identify(keys, headers.apikey, headers.authorization)
      const query = url.searchParams
      const method = init.method ?? 'GET'
      const answer = (await rpc().call(caller, { name, method, query, headers, body }))!
      const text = String(answer.body)
      if (name === 'sync_push' && answer.status === 200)
        tap(JSON.parse(body) as PushRequest, JSON.parse(text) as PushAnswer)
      const heard = alter ? JSON.stringify(alter(name, JSON.parse(text))) : text
      return new Response(heard, { status: answer.status, headers: answer.headers ?? {} })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return Response.json(error.body, { status: error.status })
    }
  }

  return async (input, init = {}) => {
    const send = () => arrive(String(input), init)
    switch (next()) {
      case 'dropped before':
        throw new TypeError('fetch failed')
      case 'dropped after':
        await send()
        throw new TypeError('fetch failed')
      case 'twice':
        await send()
        return send()
      case 'at once': {
        const [, second] = await Promise.all([send(), send()])
        return second
      }
      case 'held back': {
        const answer = await send()
        await new Promise((resolve) => setTimeout(resolve, 10))
        return answer
      }
      case 'refused as 401':
        return Response.json({ code: 'PGRST303', message: 'JWT expired' }, { status: 401 })
      case 'captive portal':
        return new Response('<html>Welcome to our hotel</html>', {
          headers: { 'content-type': 'text/html' },
        })
      default:
        return send()
    }
  }
}
