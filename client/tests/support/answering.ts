import type { Mutation, PushResult } from '../../../supabase/functions/_tidemark/wire.ts'
import type { Transport } from '../../src/index.ts'

/** What a server says of an edit. */
export type Answer = Omit<PushResult, 'seq'>

/** A server that answers every edit as it is told, makes keys, and has no news. */
export function answering(answer: (edit: Mutation) => Answer): Transport {
  let lastKey = 0
  return {
    push: async ({ mutations }) => ({
      results: mutations.map((edit) => ({ ...answer(edit), seq: edit.seq }) as PushResult),
      last_seq: Math.max(0, ...mutations.map(({ seq }) => seq)),
      server_time: '',
    }),
    pull: async () => ({
      changes: [],
      joined: [],
      left: [],
      cursor: {},
      more: false,
      server_time: '',
    }),
    call: async <T>(name: string, args: object) =>
      (name === 'sync_new_ids'
        ? Array.from({ length: (args as { count: number }).count }, () => String(++lastKey))
        : { last_seq: 0 }) as T,
  }
}

export const taken = (): Answer => ({ status: 'applied', version: 1 })

export const refused = (code: 'invalid_value' | 'not_found') => (): Answer =>
  ({ status: 'rejected', error: { code, message: 'No.' } }) as Answer
