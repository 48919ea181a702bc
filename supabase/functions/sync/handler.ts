import type { Deps } from '../_tidemark/deps.ts'
import { openSync } from '../_tidemark/envelope.ts'
import { serve } from '../_tidemark/http.ts'
import { memberTexts, objectText } from '../_tidemark/json.ts'
import { pull } from '../_tidemark/pull.ts'
import { push } from '../_tidemark/push.ts'
import type { RpcAnswer } from '../_tidemark/rpc.ts'

/**
 * Push, then pull, in one round trip: see `SyncRequest` and `SyncAnswer` in `wire.ts`. The push is
 * committed before the pull begins, so the pull sees it, and its results are answered whatever
 * becomes of the pull.
 */
export function handler(request: Request, deps: Deps): Promise<Response> {
  return serve('sync', request, deps, async ({ text, rpc, count }) => {
    const { push: batch, pull: page } = openSync(text)
    count(batch.count)
    const pushed = await push(batch, rpc, deps.now)
    if (pushed.error || pushed.lateError) return pushed
    return joined(pushed, await pull(page, rpc))
  })
}

/** One object of both answers. Where both have a member, it is the pull's: the later one. */
function joined(pushed: RpcAnswer, pulled: RpcAnswer): RpcAnswer {
  const pushedParts = membersOf(pushed)
  const parts = pulled.error
    ? pushedParts.set('pull_error', JSON.stringify({ ...pulled.error, status: pulled.status }))
    : new Map([...pushedParts, ...membersOf(pulled)])
  return { status: 200, body: new TextEncoder().encode(objectText(parts)), lateError: pulled.error }
}

function membersOf(answer: RpcAnswer): Map<string, string> {
  return memberTexts(new TextDecoder().decode(answer.body))
}
