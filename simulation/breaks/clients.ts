import type { PullAnswer, PushAnswer } from '../../supabase/functions/_tidemark/wire.ts'
import type { Alter } from '../drivers/client/network.ts'
import type { Break } from './break.ts'

/** Clients that are broken on purpose: by what they make of an answer. */
export const clients: Record<string, Break> = {
  'keeps the scopes that it left': {
    focus: { members: 36 },
    found: { client: /holds .*, which its user may not see/ },
    alter: (name, answer) =>
      name === 'sync_pull' ? { ...(answer as PullAnswer), left: [] } : answer,
  },

  'drops what was refused': {
    found: { client: /was refused, and is not kept|after a sync \w+ holds/ },
    alter: eachResult((result) =>
      result.status === 'rejected' ? { seq: result.seq, status: 'applied', version: 1 } : result,
    ),
  },

  'is silent about what was overruled': {
    focus: { atOdds: 24 },
    found: { client: /was overruled, and the app was not told/ },
    alter: eachResult((result) => ({ ...result, lost: [] })),
  },
}

function eachResult(change: (result: PushAnswer['results'][number]) => object): Alter {
  return (name, answer) => {
    if (name !== 'sync_push') return answer
    const push = answer as PushAnswer
    return { ...push, results: push.results?.map(change) }
  }
}
