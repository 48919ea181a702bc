import type { PullEnvelope } from './envelope.ts'
import { memberTexts, objectText } from './json.ts'
import { STATEMENT_TIMEOUT } from './push.ts'
import type { Rpc, RpcAnswer } from './rpc.ts'

/**
 * Pulls a page. One that outlasts the statement timeout is asked for again at an eighth of its size:
 * a device behind slow policies gets on in small steps instead of failing at the same place for ever.
 */
export async function pull(page: PullEnvelope, rpc: Rpc): Promise<RpcAnswer> {
  const answer = await rpc('sync_pull', pullBody(page, page.options))
  if (answer.error?.code !== STATEMENT_TIMEOUT || page.limit === 1) return answer
  const limit = Math.ceil(page.limit / 8)
  return rpc(
    'sync_pull',
    pullBody(page, objectText(memberTexts(page.options ?? '{}').set('limit', String(limit)))),
  )
}

function pullBody(page: PullEnvelope, options: string | undefined): string {
  return objectText([
    ['device_id', page.device_id],
    ['cursor', page.cursor],
    ['options', options],
  ])
}
