import type { OpenConflict, ResolvedConflict, Resolver } from '../../model/conflict.ts'
import { classify, type SyncError } from '../../model/errors.ts'
import type { Sync } from '../types.ts'

/** One resolver for all tables, or one for each table; conflicts of other tables stay open. */
export type Resolvers = Resolver | Readonly<Record<string, Resolver>>

/** The outcome of resolving the open conflicts. */
export interface Resolving {
  resolved: ResolvedConflict[]
  /** Conflicts that no resolver decided. They stay open. */
  left: OpenConflict[]
  /** Conflicts whose resolver threw, or whose resolution the server rejected. They stay open. */
  failed: { conflict: OpenConflict; error: SyncError }[]
}

/** Resolves every open conflict with its resolver, one after the other. Rejects where the server does not answer. */
export async function resolveConflicts(
  sync: Pick<Sync, 'conflicts'>,
  resolvers: Resolvers,
): Promise<Resolving> {
  const result: Resolving = { resolved: [], left: [], failed: [] }
  for (const conflict of await sync.conflicts.list()) {
    try {
      const resolver = typeof resolvers === 'function' ? resolvers : resolvers[conflict.table]
      const choice = await resolver?.(conflict)
      if (choice == null) result.left.push(conflict)
      else result.resolved.push(await sync.conflicts.resolve(conflict.conflict_id, choice))
    } catch (thrown) {
      const error = classify(thrown)
      if (error.retryable) throw error
      // Another device has resolved the conflict already.
      if (error.code !== 'conflict_not_open') result.failed.push({ conflict, error })
    }
  }
  return result
}

/** Automatic resolution of conflicts. */
export interface AutoResolve {
  readonly enabled: boolean
  /** Turns the resolution on or off. Conflicts stay open while it is off. */
  enable(on: boolean): void
  /** Stops for good. */
  end(): void
}

/**
 * Resolves open conflicts after each sync that detected one, and after the first sync, for those of earlier sessions
 * and of other devices. `onResolving` is called with each outcome.
 */
export function autoResolve(
  sync: Pick<Sync, 'conflicts' | 'on'>,
  resolvers: Resolvers,
  options: { enabled?: boolean; onResolving?: (resolving: Resolving) => void } = {},
): AutoResolve {
  let { enabled = true } = options
  let due = true
  let running: Promise<void> | undefined

  async function resolveWhileDue(): Promise<void> {
    while (due && enabled) {
      due = false
      try {
        const resolving = await resolveConflicts(sync, resolvers)
        options.onResolving?.(resolving)
      } catch {
        // The server did not answer: the next completed sync tries again.
        due = true
        return
      }
    }
  }

  function start(): void {
    running ??= resolveWhileDue().finally(() => (running = undefined))
  }

  const unsubscribes = [
    sync.on('conflict_detected', ({ conflictId }) => {
      if (conflictId) due = true
    }),
    sync.on('sync_completed', start),
  ]
  return {
    get enabled() {
      return enabled
    },
    enable(on) {
      enabled = on
      if (!on) return
      due = true
      start()
    },
    end() {
      enabled = false
      for (const unsubscribe of unsubscribes) unsubscribe()
    },
  }
}
