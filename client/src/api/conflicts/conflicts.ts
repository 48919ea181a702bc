import { note } from '../../database/history.ts'
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
import { editable } from '../../model/row.ts'
import type { Clock } from '../../util/clock.ts'
import type { Emitter } from '../../util/emitter.ts'
import { sameJson } from '../../util/json.ts'
import type { Table } from '../table.ts'

/** Edits of this user that wait for a decision, on whichever device they were made. */
export interface Conflicts {
  /** Of the tables of this sync, oldest first. One whose row has moved on in the same columns is not among them any more. */
  list(): Promise<OpenConflict[]>
  /**
   * Decides one, on the server and then here. Rejects with `conflict_not_open` where there is nothing to
   * decide any more, with a `ValidationError` where the server refuses the row that was chosen.
   */
  resolve(conflictId: string, choice: Choice): Promise<ResolvedConflict>
}

interface Answer {
  status: 'resolved' | 'rejected'
  version: number | null
  row: Row | null
  error?: { code: string; message: string; hint: string }
}

export interface ConflictsDeps {
  store: Store
  clock: Clock
  /** Tables with the column that is their primary key. */
  keys: ReadonlyMap<string, string>
  /** Calls a database function. */
  call<T>(name: string, args: object): Promise<T>
  /** As the app has them. */
  tables: ReadonlyMap<string, Pick<Table, 'insert'>>
  /** Told of each conflict that is decided. */
  events: Pick<Emitter<SyncEvents>, 'emit'>
}

export function createConflicts(deps: ConflictsDeps): Conflicts {
  const { store, clock, keys, call, tables, events } = deps
  /** As last listed, so that deciding one needs no second look. */
  let listed: OpenConflict[] = []

  async function list(): Promise<OpenConflict[]> {
    const open = await call<OpenConflict[]>('sync_conflicts', {})
    listed = open.filter(({ table }) => keys.has(table))
    return structuredClone(listed)
  }

  /** The row of this device's edit beside the server's. Its key is the conflict's: made once, whatever fails. */
  async function keepCopy({ table, client, server, conflict_id }: OpenConflict): Promise<string> {
    const key = keys.get(table)!
    if (typeof server[key] !== 'string')
      throw new ValidationError({
        code: 'no_copy',
        message: `A second row of ${table} needs a key that a device can make.`,
        hint: 'Choose a side, or insert the copy by other means.',
      })
    const row = { ...editable(server), ...client, [key]: conflict_id }
    const added = tables.get(table)!.insert(row)
    await added.catch((error: { code?: string }) => {
      if (error.code !== 'exists') throw error
    })
    return conflict_id
  }

  return {
    list,
    async resolve(conflictId, choice) {
      const wanted = ({ conflict_id }: OpenConflict): boolean => conflict_id === conflictId
      const conflict = listed.find(wanted) ?? (await list()).find(wanted)
      if (!conflict)
        throw new ConflictError({
          code: 'conflict_not_open',
          message: 'No open conflict of yours has this id.',
          hint: 'It was resolved, or the row has moved on: list the conflicts again.',
        })
      const resolution = resolutionOf(choice, conflict)
      const both = 'take' in resolution && resolution.take === 'both'
      // A removal has nothing to copy: both means that the row stays.
      const copyId = both && conflict.client ? await keepCopy(conflict) : undefined
      const { ownerGeneration } = await store.read(deviceOf)
      const { status, version, row, error } = await call<Answer>('sync_resolve', {
        conflict_id: conflictId,
        resolution: both ? { take: 'server' } : resolution,
      })
      if (status === 'rejected') throw new ValidationError(error!)
      listed = listed.filter((other) => !wanted(other))
      await store.write('remote', async (transaction) => {
        // Whose conflict it was has signed out: the row is not for whoever is next.
        if ((await deviceOf(transaction.tx)).ownerGeneration === ownerGeneration)
          await takeIn(transaction, conflict, row, version)
      })
      const resolved: ResolvedConflict = {
        conflict,
        row,
        ...(copyId !== undefined && { copyId }),
        metadata: metadataOf(conflict, resolution, row, clock),
      }
      await note(store, (history) => ({
        ...history,
        totals: { ...history.totals, resolved: history.totals.resolved + 1 },
      }))
      events.emit('conflict_resolved', resolved)
      return resolved
    },
  }
}

function resolutionOf(choice: Choice, { analysis }: OpenConflict): Resolution {
  if (choice === 'suggested') return { ...analysis.suggested, strategy: 'suggested' }
  return typeof choice === 'string' ? { take: choice } : choice
}

/** The row as the server answered it, with the edits that wait on top; a newer one stays. */
async function takeIn(
  { tx, putRows, dropRows }: WriteTransaction,
  { table, id }: OpenConflict,
  row: Row | null,
  version: number | null,
): Promise<void> {
  const before = await tx.get('rows', [table, id])
  if (version === null || (before?.version ?? 0) > version) return
  const edits = before?.queued ? await tx.scan('queue', { index: 'row', equals: [table, id] }) : []
  const next = rebase({ ...before, table, id, version: row && version }, row, edits)
  if (next) await putRows([next])
  else if (before) await dropRows([before])
}

function metadataOf(
  { columns, client, server, base, analysis }: OpenConflict,
  resolution: Resolution,
  row: Row | null,
  clock: Clock,
): MergeMetadata {
  const from = (column: string): 'client' | 'server' | 'merged' => {
    const value = row?.[column] ?? null
    if (sameJson(value, server[column] ?? null)) return 'server'
    return sameJson(value, client?.[column] ?? null) ? 'client' : 'merged'
  }
  return {
    strategy: resolution.strategy ?? ('take' in resolution ? resolution.take : 'row'),
    confidence: analysis.confidence,
    at: clock.now(),
    columns: Object.fromEntries(columns.map((column) => [column, from(column)])),
    originals: { client, server, base },
  }
}
