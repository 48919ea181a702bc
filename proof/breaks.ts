import { breaks as engines } from '../fuzz/breaks.ts'
import type { PullAnswer, PushAnswer } from '../supabase/functions/_tidemark/wire.ts'

/** A fault on purpose. */
export interface Break {
  /** Puts it into a sound engine. */
  sql?: string
  /** Puts it into a sound client, by what it makes of an answer: the server's stays as it is in the books. */
  client?: (name: string, answer: unknown) => unknown
  /** What the histories say of it. */
  found: RegExp
}

const shown = /after a sync \w+ (lacks|holds)/

const sql: Record<string, RegExp> = {
  'twice applied': /was applied twice|adds up to/,
  'silent leave': /holds .*, which its user may not see/,
  'silent join': shown,
  'silent move': shown,
  'silent purge': shown,
  // Without what was lost, the books take every edit for one that went through.
  'silent loss': /shows edit/,
  polling: shown,
}

const client: Record<string, Omit<Break, 'sql'>> = {
  'keeps the scopes that it left': {
    found: /holds .*, which its user may not see/,
    client: (name, answer) =>
      name === 'sync_pull' ? { ...(answer as PullAnswer), left: [] } : answer,
  },
  'drops what was refused': {
    found: /was refused, and is not kept|after a sync \w+ holds/,
    client: eachResult((result) =>
      result.status === 'rejected' ? { seq: result.seq, status: 'applied', version: 1 } : result,
    ),
  },
  'is silent about what was overruled': {
    found: /was overruled, and the app was not told/,
    client: eachResult((result) => ({ ...result, lost: [] })),
  },
}

function eachResult(
  change: (result: PushAnswer['results'][number]) => object,
): NonNullable<Break['client']> {
  return (name, answer) => {
    if (name !== 'sync_push') return answer
    const push = answer as PushAnswer
    return { ...push, results: push.results?.map(change) }
  }
}

/** Faults that the histories must find. */
export const breaks: Record<string, Break> = {
  ...Object.fromEntries(
    Object.entries(sql).map(([name, found]) => [name, { sql: engines[name]!.sql, found }]),
  ),
  ...client,
}
