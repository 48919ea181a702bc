import type { Deps } from '../_shared/deps.ts'
import { openPush } from '../_shared/envelope.ts'
import { serve } from '../_shared/http.ts'
import { push } from '../_shared/push.ts'

/** Sends a device's edits: body and answer of `rpc/sync_push`. */
export function handler(request: Request, deps: Deps): Promise<Response> {
  return serve('sync-push', request, deps, ({ text, rpc, count }) => {
    const batch = openPush(text)
    count(batch.count)
    return push(batch, rpc, deps.now)
  })
}
