import type { OpenConflict, ResolvedConflict, Resolver } from '../../model/conflict.ts'
import { classify, type SyncError } from '../../model/errors.ts'
import type { Sync } from '../types.ts'

/** One resolver for all tables, or one a table; conflicts of other tables are left for a person. */
export type Resolvers = Resolver | Readonly<Record<string, Resolver>>

/** What became of the conflicts that were open. */
export interface Resolving {
  resolved: ResolvedConflict[]
  /** Those that no resolver decided. */
  left: OpenConflict[]
  /** Those whose resolver threw, or whose resolution the server refused. They stay open. */
  failed: { conflict: OpenConflict; error: SyncError }[]
}

/** Puts every open conflict to its resolver, one after the other. Rejects where there is no connection. */
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
      // Somebody else, or another of one's devices, was faster.
      if (error.code !== 'conflict_not_open') result.failed.push({ conflict, error })
    }
  }
  return result
}

/** Resolution of conflicts without anybody asking for it. */
export interface AutoResolve {
  readonly enabled: boolean
  /** Turns it on or off. What is open meanwhile waits. */
  enable(on: boolean): void
  /** Ends it for good. */
  end(): void
}

/**
 * Puts conflicts to resolvers after each sync that met some, and after the first one, for those of
 * earlier sessions and other devices. `onResolving` is told what came of it.
 */
export function autoResolve(
  sync: Pick<Sync, 'conflicts' | 'on'>,
  resolvers: Resolvers,
  options: { enabled?: boolean; onResolving?: (resolving: Resolving) => void } = {},
): AutoResolve {
  let { enabled = true } = options
  let due = true
  let running: Promise<void> | undefined

  async function work(): Promise<void> {
    while (due && enabled) {
      due = false
      try {
        const resolving = await resolveConflicts(sync, resolvers)
        options.onResolving?.(resolving)
      } catch {
        // No connection: the next sync that completes is the sign to try again.
        due = true
        return
      }
    }
  }

  function begin(): void {
    running ??= work().finally(() => (running = undefined))
  }

  const ends = [
    sync.on('conflict_detected', ({ conflictId }) => {
      if (conflictId) due = true
    }),
    sync.on('sync_completed', begin),
  ]
  return {
    get enabled() {
      return enabled
    },
    enable(on) {
      enabled = on
      if (!on) return
      due = true
      begin()
    },
    end() {
      enabled = false
      for (const end of ends) end()
    },
  }
}
