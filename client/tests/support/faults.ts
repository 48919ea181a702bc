import { gunzipSync } from 'node:zlib'

/**
 * What happens to a request on its way.
 *
 * - `before`: it never arrives.
 * - `after`: it arrives and is carried out, but the answer gets lost.
 * - `twice`: it arrives twice; the second answer comes back.
 * - `at once`: it arrives twice at the same time; either answer comes back.
 * - `hang`: nothing comes back until the caller gives up.
 * - `absent`: it goes to a function that is not deployed.
 * - `too slow`, `out of memory`: the database gives up on it and undoes it.
 * - `function out of memory`: it is carried out, and the function breaks down before it answers.
 */
export type Fault =
  | 'before'
  | 'after'
  | 'twice'
  | 'at once'
  | 'hang'
  | 'absent'
  | 'too slow'
  | 'out of memory'
  | 'function out of memory'
  | 'none'

/** A fetch around the real one that injects faults into calls of the sync server. */
export interface FaultyFetch {
  fetch: typeof globalThis.fetch
  /** Faults of the next sync requests, in order; after them all goes well. */
  next: (...faults: Fault[]) => void
  /** Fault of every sync request until told otherwise. */
  always: (fault: Fault) => void
  /** The same, only for paths that begin so. */
  alwaysAt: (path: string, fault: Fault) => void
  /** From now on all goes well. */
  reset: () => void
  /** Paths of the sync requests so far, e.g. `/functions/v1/sync`. */
  paths: string[]
  /** Bodies of the sync requests so far. */
  bodies: Record<string, unknown>[]
  /** Their bytes on the wire. */
  sizes: number[]
}

/** A body as it was before it was compressed. */
const textOf = (body: unknown): string =>
  body instanceof ArrayBuffer ? gunzipSync(body).toString() : String(body)

export function faultyFetch(): FaultyFetch {
  const planned: Fault[] = []
  let usual = { path: '/', fault: 'none' as Fault }
  const paths: string[] = []
  const bodies: Record<string, unknown>[] = []
  const sizes: number[] = []

  const lost = (): never => {
    throw new TypeError('fetch failed')
  }

  const refused = (status: number, code: string, message: string): Response =>
    new Response(JSON.stringify({ code, message }), {
      status,
      headers: { 'content-type': 'application/json' },
    })

  const faulty = async (...request: Parameters<typeof globalThis.fetch>): Promise<Response> => {
    const { pathname } = new URL(String(request[0]))
    const send = () => globalThis.fetch(...request)
    if (!/sync/.test(pathname)) return send()
    paths.push(pathname)
    bodies.push(JSON.parse(textOf(request[1]?.body)) as Record<string, unknown>)
    sizes.push(Buffer.byteLength(request[1]?.body as string | ArrayBuffer))
    const otherwise = pathname.startsWith(usual.path) ? usual.fault : 'none'
    const fault = planned.shift() ?? otherwise
    switch (fault) {
      case 'none':
        return send()
      case 'before':
        return lost()
      case 'after':
        await (await send()).arrayBuffer()
        return lost()
      case 'twice':
        await (await send()).arrayBuffer()
        return send()
      case 'at once': {
        const [first, second] = await Promise.all([send(), send()])
        await first.arrayBuffer()
        return second
      }
      case 'absent': {
        const url = String(request[0]).replace('/v1/sync', '/v1/no-such-sync')
        return globalThis.fetch(url, request[1])
      }
      case 'too slow':
        return refused(500, '57014', 'canceling statement due to statement timeout')
      case 'out of memory':
        return refused(503, '53200', 'out of memory')
      case 'function out of memory':
        await (await send()).arrayBuffer()
        return refused(546, 'WORKER_LIMIT', 'Function failed due to not having enough resources')
      case 'hang':
        return new Promise((_, reject) => {
          const signal = request[1]?.signal
          signal?.addEventListener('abort', () => reject(signal.reason as Error))
        })
    }
  }

  return {
    fetch: faulty,
    next: (...faults) => void planned.push(...faults),
    always: (fault) => void (usual = { path: '/', fault }),
    reset() {
      planned.length = 0
      usual = { path: '/', fault: 'none' }
    },
    alwaysAt: (path, fault) => void (usual = { path, fault }),
    paths,
    bodies,
    sizes,
  }
}
