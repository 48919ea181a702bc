import type { Deps } from '../_tidemark/deps.ts'
import { openPush } from '../_tidemark/envelope.ts'
import { serve } from '../_tidemark/http.ts'
import { push } from '../_tidemark/push.ts'

/** Sends a device's edits: body and answer of `rpc/sync_push`. */
export function handler(request: Request, deps: Deps): Promise<Response> {
  return serve('sync-push', request, deps, ({ text, rpc, count }) => {
    const batch = openPush(text)
    count(batch.count)
    return push(batch, rpc, deps.now)
  })
}
