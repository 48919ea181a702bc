import { classify } from '../model/errors.ts'
import type { SyncRequest } from '../model/wire.ts'
import { callSafely } from '../util/call-safely.ts'
import type { Transport } from './transport.ts'

/** The figures of one request. */
export interface Metric {
  /** `push`, `pull`, `sync`, or the name of a database function. */
  operation: string
  durationMs: number
  ok: boolean
  /** Code of the error where it failed. */
  code?: string
  /** Number of edits sent. */
  sent?: number
  /** Number of results by status: `{ applied: 3, merged: 1 }`. */
  results?: Record<string, number>
  /** Number of rows and removals received. */
  received?: number
}

/** The fields of an answer that are counted. */
interface CountedAnswer {
  results?: { status: string }[]
  changes?: { upsert: unknown[]; remove: unknown[] }[]
}

/** A transport that calls `onMetric` after each request, also after retries. An error of `onMetric` is printed. */
export function withMetrics(transport: Transport, onMetric: (metric: Metric) => void): Transport {
  async function measure<T>(operation: string, work: () => Promise<T>, sent?: number): Promise<T> {
    const start = performance.now()
    const report = (outcome: Omit<Metric, 'operation' | 'durationMs'>): void => {
      const durationMs = performance.now() - start
      const metric = { operation, durationMs, ...(sent !== undefined && { sent }), ...outcome }
      callSafely('the metrics hook', () => onMetric(metric))
    }
    try {
      const answer = await work()
      report({ ok: true, ...figuresOf(answer as CountedAnswer) })
      return answer
    } catch (error) {
      report({ ok: false, code: classify(error).code })
      throw error
    }
  }

  return {
    push: (request, signal) =>
      measure('push', () => transport.push(request, signal), request.mutations.length),
    pull: (request, signal) => measure('pull', () => transport.pull(request, signal)),
    call: (name, args, signal) => measure(name, () => transport.call(name, args, signal)),
    get sync() {
      if (!transport.sync) return undefined
      return (request: SyncRequest, signal: AbortSignal) =>
        measure('sync', () => transport.sync!(request, signal), request.mutations.length)
    },
  } as Transport
}

/** Counts the results and the rows of an answer. */
function figuresOf({ results, changes }: CountedAnswer): Pick<Metric, 'results' | 'received'> {
  const counts: Record<string, number> = {}
  if (Array.isArray(results))
    for (const { status } of results) counts[status] = (counts[status] ?? 0) + 1
  return {
    ...(Array.isArray(results) && { results: counts }),
    ...(Array.isArray(changes) && {
      received: changes.reduce((sum, { upsert, remove }) => sum + upsert.length + remove.length, 0),
    }),
  }
}
