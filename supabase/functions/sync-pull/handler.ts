import type { Deps } from '../_shared/deps.ts'
import { openPull } from '../_shared/envelope.ts'
import { serve } from '../_shared/http.ts'
import { pull } from '../_shared/pull.ts'

/** Fetches what is new for a device: body and answer of `rpc/sync_pull`. */
export function handler(request: Request, deps: Deps): Promise<Response> {
  return serve('sync-pull', request, deps, ({ text, rpc }) => pull(openPull(text), rpc))
}
