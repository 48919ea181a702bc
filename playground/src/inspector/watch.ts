import type { Transport } from '../../../client/src/index.ts'
import type {
  Cursor,
  Mutation,
  PullAnswer,
  PushAnswer,
} from '../../../supabase/functions/_tidemark/wire.ts'

/** Rows of one table and scope that an answer brought. */
export interface Portion {
  scope: string
  table: string
  upserts: string[]
  removes: string[]
}

/** One request of a sync and what came of it. */
export interface Exchange {
  number: number
  /** Milliseconds since 1970. */
  at: number
  /** Milliseconds. */
  ms: number
  kind: 'push' | 'pull' | 'sync'
  /** Edits that went up. */
  sent: number
  portions: Portion[]
  joined: string[]
  left: string[]
  /** Why it failed. */
  error?: string
}

export type PushResult = PushAnswer['results'][number]

/** What `sync_status()` tells of the user who is signed in. */
export interface Standing {
  scopes: string[]
  tables: string[]
  devices: number
  open_conflicts: number
}

/** What passes between a device and the server. */
export interface Wire {
  /** Latest first; the last 200. */
  exchanges(): readonly Exchange[]
  /** The cursor as it came last; undefined before the first pull. */
  cursor(): Cursor | null | undefined
  standing(): Promise<Standing>
  /** Calls `fn` after each exchange. Returns what ends it. */
  subscribe(fn: () => void): () => void
  /** Calls `fn` with each edit that was answered. Returns what ends it. */
  onResult(fn: (edit: Mutation, result: PushResult) => void): () => void
}

const KEPT = 200

/** A transport that works like `inner`, and what can be seen from there: for `createSync({ transport })`. */
export function watchTransport(inner: Transport): { transport: Transport; wire: Wire } {
  let exchanges: readonly Exchange[] = []
  let cursor: Cursor | null | undefined
  let count = 0
  const listeners = new Set<() => void>()
  const answered = new Set<(edit: Mutation, result: PushResult) => void>()

  async function note<Answer extends Partial<PullAnswer> & Partial<PushAnswer>>(
    kind: Exchange['kind'],
    mutations: readonly Mutation[],
    work: Promise<Answer>,
  ): Promise<Answer> {
    const at = Date.now()
    const exchange: Exchange = {
      number: ++count,
      at,
      ms: 0,
      kind,
      sent: mutations.length,
      portions: [],
      joined: [],
      left: [],
    }
    try {
      const answer = await work
      exchange.portions = (answer.changes ?? []).map(({ scope, table, upsert, remove }) => ({
        scope,
        table,
        upserts: upsert.map((row) => String(row.id)),
        removes: remove.map(String),
      }))
      exchange.joined = answer.joined ?? []
      exchange.left = answer.left ?? []
      if (answer.cursor) ({ cursor } = answer)
      const sent = new Map(mutations.map((edit) => [edit.seq, edit]))
      for (const result of answer.results ?? []) {
        const edit = sent.get(result.seq)
        if (edit) for (const fn of answered) fn(edit, result)
      }
      return answer
    } catch (error) {
      exchange.error = error instanceof Error ? error.message : String(error)
      throw error
    } finally {
      exchange.ms = Date.now() - at
      exchanges = [exchange, ...exchanges].slice(0, KEPT)
      for (const fn of listeners) fn()
    }
  }

  const { sync } = inner
  return {
    transport: {
      push: (request, signal) => note('push', request.mutations, inner.push(request, signal)),
      pull: (request, signal) => note('pull', [], inner.pull(request, signal)),
      ...(sync && {
        sync: (request, signal) => note('sync', request.mutations, sync(request, signal)),
      }),
      call: (name, args, signal) => inner.call(name, args, signal),
    },
    wire: {
      exchanges: () => exchanges,
      cursor: () => cursor,
      standing: () => inner.call<Standing>('sync_status', {}, AbortSignal.timeout(10_000)),
      subscribe(fn) {
        listeners.add(fn)
        return () => void listeners.delete(fn)
      },
      onResult(fn) {
        answered.add(fn)
        return () => void answered.delete(fn)
      },
    },
  }
}
