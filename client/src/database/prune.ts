import { StorageError } from '../model/errors.ts'
import { ENOUGH } from './capacity.ts'
import type { Level, StorageLimit, StorageLimitReached } from './capacity.ts'
import { cursorOf } from './meta.ts'
import type { Settings } from '../api/options.ts'
import type { TablePriority } from '../model/priority.ts'
import { startAfresh } from './apply-page.ts'
import type { Bounds, CursorRecord, RowRecord, Transaction } from '../storage/contract.ts'
import type { Draft, Store } from './store.ts'

/** Tables that are pruned, one after the other. */
const ORDER: readonly TablePriority[] = ['low', 'medium', 'high']

/** Down to this share of the limit, so that not every page prunes. */
const ROOM = 0.9

/** What is stored, beside what may be. */
interface Measured {
  bytes: number
  limit: number
  policy: NonNullable<StorageLimit['policy']>
  /** Bytes in use by now. */
  measure(): Promise<number>
}

/** Does what the policy says where more is stored than the limit; tells of it the first time and at each pruning. */
export async function exceed(
  { over }: Level,
  measured: Measured,
  { tables }: Pick<Settings, 'tables'>,
  store: Store,
  onReached: (reached: StorageLimitReached) => void,
): Promise<Level> {
  const { bytes, limit, policy } = measured
  const pruned = policy === 'prune' ? await makeRoom(store, tables, measured) : 0
  if (!over || pruned > 0) onReached({ bytes, limit, pruned })
  if (policy !== 'error') return { over: pruned === 0 }
  return {
    over: true,
    full: new StorageError({
      code: 'quota',
      message: `The storage limit of ${limit} bytes is reached: ${bytes} are in use.`,
      hint: 'Raise storageLimit, or choose the policy "prune".',
    }),
  }
}

/** Drops rows for as long as that gives space back; some storages do so only later. Resolves to how many. */
async function makeRoom(
  store: Store,
  tables: Settings['tables'],
  measured: Measured,
): Promise<number> {
  const { bytes, limit, measure } = measured
  const dropped = await prune(store, tables, { bytes, limit })
  if (dropped === 0) return 0
  const left = await measure()
  return left > limit && left < bytes
    ? dropped + (await makeRoom(store, tables, { ...measured, bytes: left }))
    : dropped
}

/** Drops rows that the server has until about as much is left as there is room for. Resolves to how many went. */
function prune(
  store: Store,
  tables: Settings['tables'],
  { bytes, limit }: Pick<Measured, 'bytes' | 'limit'>,
): Promise<number> {
  return store.write('remote', async (draft) => {
    let left = bytes - ROOM * limit
    let dropped = 0
    for (const priority of ORDER)
      for (const [table, { priority: its = 'medium' }] of tables) {
        if (its !== priority || left <= 0) continue
        const going: RowRecord[] = []
        for (const record of oldestFirst(await synced(draft.tx, table))) {
          if (left <= 0) break
          left -= JSON.stringify(record).length
          going.push(record)
        }
        await draft.drop(going)
        if (going.length > 0) await note(draft.tx, table, { bytes: limit })
        dropped += going.length
      }
    return dropped
  })
}

/** Keeps of each of these tables no more rows than its settings say. */
export async function keepNewest(
  store: Store,
  { tables }: Pick<Settings, 'tables'>,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const max = tables.get(name)?.maxRecords
    if (max !== undefined) await store.write('remote', (draft) => dropOldest(draft, name, max))
  }
}

/** Drops the oldest rows of a table beyond `max`; edited ones stay. */
async function dropOldest(draft: Draft, table: string, max: number): Promise<void> {
  const held = await draft.tx.scan('rows', { index: 'table', equals: [table] })
  const surplus = held.length - max
  if (surplus <= 0) return
  await draft.drop(oldestFirst(held.filter(({ edits }) => !edits)).slice(0, surplus))
  await note(draft.tx, table, { records: max })
}

const synced = async (tx: Transaction, table: string): Promise<RowRecord[]> =>
  (await tx.scan('rows', { index: 'table', equals: [table] })).filter(({ edits }) => !edits)

/** By the time of the server's last change. */
const oldestFirst = (records: RowRecord[]): RowRecord[] => {
  const at = ({ row }: RowRecord): string => String(row?.updated_at ?? '')
  return records.toSorted((a, b) => (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0))
}

/** Tables that hold fewer rows than the server has for this device, for reasons that still hold. */
export function heldInPart(
  { partial = {} }: CursorRecord,
  { tables, options: { storageLimit = {} } }: Pick<Settings, 'tables' | 'options'>,
): readonly string[] {
  const { bytes = ENOUGH, policy } = storageLimit
  return Object.keys(partial).filter((name) => {
    const { maxRecords = Infinity, priority } = tables.get(name) ?? {}
    const room = policy === 'prune' && priority !== 'critical' ? bytes : Infinity
    const held = { records: Infinity, bytes: Infinity, ...partial[name] }
    return maxRecords <= held.records && room <= held.bytes
  })
}

/**
 * Where to go on from `place`: what was dropped for a reason that holds no longer comes back with a download
 * of everything beside what is there.
 */
export async function widened(
  place: CursorRecord,
  settings: Pick<Settings, 'tables' | 'keys' | 'options'>,
  store: Store,
): Promise<CursorRecord> {
  const { tables, keys } = settings
  const held = heldInPart(place, settings)
  const marked = Object.keys(place.partial ?? {}).filter((name) => tables.has(name))
  if (marked.every((name) => held.includes(name))) return place
  return store.write('remote', async ({ tx }) => {
    await startAfresh(tx, [...keys.keys()])
    return cursorOf(tx)
  })
}

/** Notes that rows of a table were dropped, and what for. */
async function note(tx: Transaction, table: string, bounds: Bounds): Promise<void> {
  const place = await cursorOf(tx)
  const partial = { ...place.partial, [table]: { ...place.partial?.[table], ...bounds } }
  await tx.putMany('meta', [{ ...place, partial }])
}
