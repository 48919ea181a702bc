import type { Deps } from '../_tidemark/deps.ts'
import { openPull } from '../_tidemark/envelope.ts'
import { serve } from '../_tidemark/http.ts'
import { pull } from '../_tidemark/pull.ts'

/** Fetches what is new for a device: body and answer of `rpc/sync_pull`. */
export function handler(request: Request, deps: Deps): Promise<Response> {
  return serve('sync-pull', request, deps, ({ text, rpc }) => pull(openPull(text), rpc))
}
