import type { PushEnvelope } from './envelope.ts'
import { elementTexts, memberTexts, objectText } from './json.ts'
import type { Rpc, RpcAnswer } from './rpc.ts'
import type { PostgrestError } from './wire.ts'

/** PostgreSQL's `query_canceled`: the role's statement timeout, 8 s for `authenticated` on hosted projects. */
export const STATEMENT_TIMEOUT = '57014'

/** No piece is begun later than this: a hosted function has to answer within 150 s. */
const BUDGET_MS = 110_000

/**
 * Pushes a batch, in one transaction if the database manages it within its statement timeout, else
 * in pieces, in order, each as large as has worked.
 *
 * Pieces commit one by one. When a later one fails, what came before it is done, and its results must
 * reach the device: the answer is then 200 with `results` for the mutations that were answered and
 * `push_error` for the rest, see `PushAnswer` in `wire.ts`.
 */
export async function push(batch: PushEnvelope, rpc: Rpc, now: () => number): Promise<RpcAnswer> {
  const begun = now()
  const whole = await rpc('sync_push', pushBody(batch, batch.mutations, batch.options))
  if (whole.error?.code !== STATEMENT_TIMEOUT || batch.count < 2) return whole

  const mutations = elementTexts(batch.mutations)
  const id = await sha256(batch.mutations)
  const results: string[] = []
  let latest = new Map<string, string>()
  let lateError: PostgrestError | undefined
  let done = 0
  let size = Math.ceil(mutations.length / 2)
  while (done < mutations.length) {
    if (now() - begun > BUDGET_MS) {
      if (done === 0) return whole
      lateError = whole.error
      latest.set('push_error', JSON.stringify({ ...lateError, status: whole.status }))
      break
    }
    const piece = mutations.slice(done, done + size)
    const answer = await rpc(
      'sync_push',
      pushBody(batch, `[${piece.join(',')}]`, laterOptions(batch, id, now() - begun)),
    )
    if (!answer.error) {
      latest = memberTexts(new TextDecoder().decode(answer.body))
      results.push(...elementTexts(latest.get('results') ?? '[]'))
      done += piece.length
    } else if (answer.error.code === STATEMENT_TIMEOUT && piece.length > 1) {
      size = Math.ceil(piece.length / 2)
    } else if (done === 0) {
      return answer
    } else {
      lateError = answer.error
      latest.set('push_error', JSON.stringify({ ...lateError, status: answer.status }))
      break
    }
  }
  latest.set('results', `[${results.join(',')}]`)
  return { status: 200, body: new TextEncoder().encode(objectText(latest)), lateError }
}

function pushBody(batch: PushEnvelope, mutations: string, options: string | undefined): string {
  return objectText([
    ['device_id', batch.device_id],
    ['mutations', mutations],
    ['options', options],
  ])
}

/**
 * The options of a piece that is sent `elapsed` milliseconds after the request came in. The server
 * takes `client_time` for the device's clock at the moment of the call, so it moves on: otherwise
 * every edit would look that much younger. The device has not heard of the pieces before, and will repeat
 * the whole, `id`, if it hears of none.
 */
function laterOptions(batch: PushEnvelope, id: string, elapsed: number): string {
  const options = memberTexts(batch.options ?? '{}')
  if (batch.clientTime !== undefined) {
    const later = new Date(Date.parse(batch.clientTime) + elapsed).toISOString()
    options.set('client_time', JSON.stringify(later))
  }
  // Itself a part of a batch that the device sent before, it is called by that one's name.
  if (!options.has('batch')) options.set('batch', JSON.stringify(id))
  return objectText(options.set('unheard_from', String(batch.firstSeq)))
}

/** In hex, as the database names a batch. */
async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
