import { updateHistory } from '../../database/history.ts'
import { deviceOf } from '../../database/meta.ts'
import { rebase } from '../../database/rebase.ts'
import type { Store } from '../../database/store.ts'
import type { WriteTransaction } from '../../database/write-transaction.ts'
import type {
  Choice,
  MergeMetadata,
  OpenConflict,
  Resolution,
  ResolvedConflict,
} from '../../model/conflict.ts'
import { ConflictError, ValidationError } from '../../model/errors.ts'
import type { SyncEvents } from '../../model/events.ts'
import type { Row } from '../../model/row.ts'
import { editableColumns } from '../../model/row.ts'
import type { Clock } from '../../util/clock.ts'
import type { Emitter } from '../../util/emitter.ts'
import { sameJson } from '../../util/json.ts'
import type { Table } from '../table.ts'

/** The open conflicts of this user, of all the user's devices. */
export interface Conflicts {
  /** The open conflicts of the synced tables, oldest first. A later edit of the same columns closes a conflict. */
  list(): Promise<OpenConflict[]>
  /**
   * Resolves a conflict on the server, then on this device. Rejects with `conflict_not_open` where the conflict is not
   * open, and with a `ValidationError` where the server rejects the chosen row.
   */
  resolve(conflictId: string, choice: Choice): Promise<ResolvedConflict>
}

/** The answer of `sync_resolve`. */
interface ResolveAnswer {
  status: 'resolved' | 'rejected'
  version: number | null
  row: Row | null
  error?: { code: string; message: string; hint: string }
}

export interface ConflictsDeps {
  store: Store
  clock: Clock
  /** Column of the primary key, by table. */
  keys: ReadonlyMap<string, string>
  /** Calls a database function. */
  call<T>(name: string, args: object): Promise<T>
  /** The tables of the app. */
  tables: ReadonlyMap<string, Pick<Table, 'insert'>>
  events: Pick<Emitter<SyncEvents>, 'emit'>
}

export function createConflicts(deps: ConflictsDeps): Conflicts {
  const { store, clock, keys, call, tables, events } = deps
  /** The result of the last `list`, so that `resolve` need not fetch the conflict again. */
  let listed: OpenConflict[] = []

  async function list(): Promise<OpenConflict[]> {
    const open = await call<OpenConflict[]>('sync_conflicts', {})
    listed = open.filter(({ table }) => keys.has(table))
    return structuredClone(listed)
  }

  /**
   * Inserts a copy of the server's row with this device's values. Its key is the conflict's id, so that a retry inserts
   * no second copy.
   */
  async function insertCopy({ table, client, server, conflict_id }: OpenConflict): Promise<string> {
    const key = keys.get(table)!
    if (typeof server[key] !== 'string')
      throw new ValidationError({
        code: 'no_copy',
        message: `A copy in ${table} needs a key that is a text, such as a UUID.`,
        hint: 'Choose "client" or "server", or insert the copy yourself.',
      })
    const row = { ...editableColumns(server), ...client, [key]: conflict_id }
    const inserting = tables.get(table)!.insert(row)
    await inserting.catch((error: { code?: string }) => {
      if (error.code !== 'exists') throw error
    })
    return conflict_id
  }

  return {
    list,
    async resolve(conflictId, choice) {
      const hasId = ({ conflict_id }: OpenConflict): boolean => conflict_id === conflictId
      const conflict = listed.find(hasId) ?? (await list()).find(hasId)
      if (!conflict)
        throw new ConflictError({
          code: 'conflict_not_open',
          message: 'No open conflict of the user has this id.',
          hint: 'The conflict was resolved, or a later edit closed it. Call conflicts.list() again.',
        })
      const resolution = resolutionOf(choice, conflict)
      const both = 'take' in resolution && resolution.take === 'both'
      // A removal has no values to copy: `both` keeps the server's row.
      const copyId = both && conflict.client ? await insertCopy(conflict) : undefined
      const { ownerGeneration } = await store.read(deviceOf)
      const { status, version, row, error } = await call<ResolveAnswer>('sync_resolve', {
        conflict_id: conflictId,
        resolution: both ? { take: 'server' } : resolution,
      })
      if (status === 'rejected') throw new ValidationError(error!)
      listed = listed.filter((other) => !hasId(other))
      await store.write('remote', async (transaction) => {
        // After a sign-out the row must not be stored for the next owner.
        if ((await deviceOf(transaction.tx)).ownerGeneration === ownerGeneration)
          await storeRow(transaction, conflict, row, version)
      })
      const resolved: ResolvedConflict = {
        conflict,
        row,
        ...(copyId !== undefined && { copyId }),
        metadata: metadataOf(conflict, resolution, row, clock),
      }
      await updateHistory(store, (history) => ({
        ...history,
        totals: { ...history.totals, resolved: history.totals.resolved + 1 },
      }))
      events.emit('conflict_resolved', resolved)
      return resolved
    },
  }
}

/** A choice in its long form. */
function resolutionOf(choice: Choice, { analysis }: OpenConflict): Resolution {
  if (choice === 'suggested') return { ...analysis.suggested, strategy: 'suggested' }
  return typeof choice === 'string' ? { take: choice } : choice
}

/** Stores the server's row with the queued mutations on top, unless the stored row is newer. */
async function storeRow(
  { tx, putRows, dropRows }: WriteTransaction,
  { table, id }: OpenConflict,
  row: Row | null,
  version: number | null,
): Promise<void> {
  const stored = await tx.get('rows', [table, id])
  if (version === null || (stored?.version ?? 0) > version) return
  const mutations = stored?.queued
    ? await tx.scan('queue', { index: 'row', equals: [table, id] })
    : []
  const next = rebase({ ...stored, table, id, version: row && version }, row, mutations)
  if (next) await putRows([next])
  else if (stored) await dropRows([stored])
}

/** The metadata of a resolution, given the row that it has made. */
function metadataOf(
  { columns, client, server, base, analysis }: OpenConflict,
  resolution: Resolution,
  row: Row | null,
  clock: Clock,
): MergeMetadata {
  const sideOf = (column: string): 'client' | 'server' | 'merged' => {
    const value = row?.[column] ?? null
    if (sameJson(value, server[column] ?? null)) return 'server'
    return sameJson(value, client?.[column] ?? null) ? 'client' : 'merged'
  }
  return {
    strategy: resolution.strategy ?? ('take' in resolution ? resolution.take : 'row'),
    confidence: analysis.confidence,
    at: clock.now(),
    columns: Object.fromEntries(columns.map((column) => [column, sideOf(column)])),
    originals: { client, server, base },
  }
}
