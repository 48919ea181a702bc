import type { DeviceRecord, QueuedMutation } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Transaction } from '../storage/contract.ts'
import { baseRow } from './rebase.ts'

/** Added to the rank of mutations of chosen tables: they are sent before all others. */
const CHOSEN_TABLES_RANK = -1_000

/** The lowest (most urgent) rank by key. */
class LowestRanks {
  readonly #ranks = new Map<string, number>()

  add(key: string, rank: number): void {
    if (rank < (this.#ranks.get(key) ?? Infinity)) this.#ranks.set(key, rank)
  }

  of(keys: Iterable<string>): number {
    let lowest = Infinity
    for (const key of keys) lowest = Math.min(lowest, this.#ranks.get(key) ?? Infinity)
    return lowest
  }
}

/** Values of a row that may be the key of another row. */
const possibleReferences = (row: Row | null | undefined): string[] =>
  Object.values(row ?? {})
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .map(String)

/** One key for each column of a row with its value: two rows with a common key may collide in a unique constraint. */
const uniqueValueKeys = (table: string, row: Row | null | undefined): string[] =>
  Object.entries(row ?? {}).map(([column, value]) => JSON.stringify([table, column, value]))

/** Mutations in order of `seq`, except that the insert of a row comes before every mutation that references the row. */
function insertsBeforeReferences(mutations: readonly QueuedMutation[]): QueuedMutation[] {
  const insertsById = new Map<string, QueuedMutation[]>()
  const rows = new Set<string>()
  for (const mutation of mutations) {
    const { table, id, op } = mutation
    const row = JSON.stringify([table, id])
    // An insert behind a removal of the same row stays behind it.
    if (op === 'put' && !rows.has(row))
      insertsById.set(id, [...(insertsById.get(id) ?? []), mutation])
    rows.add(row)
  }
  const ordered = new Set<QueuedMutation>()
  const visited = new Set<QueuedMutation>()
  // A stack instead of recursion: a chain of rows may be longer than the call stack.
  const stack = mutations.toReversed()
  for (let mutation = stack.at(-1); mutation; mutation = stack.at(-1)) {
    const references = visited.has(mutation)
      ? []
      : possibleReferences(mutation.data).flatMap((id) => insertsById.get(id) ?? [])
    visited.add(mutation)
    const missing = references.filter((insert) => !visited.has(insert))
    if (missing.length > 0) stack.push(...missing)
    else ordered.add(stack.pop()!)
  }
  return [...ordered]
}

/**
 * Mutations in the order in which they are sent, each with the rank that decided its position. Lower ranks come
 * first, but no mutation overtakes one that it may depend on:
 *
 * - an earlier mutation of the same row
 * - an earlier mutation of a row that it references, or that references its row (parents are inserted before their
 *   children and removed after them)
 * - an insert, earlier or later, of a row that it references
 * - an earlier mutation that frees a value which this one uses (a unique constraint)
 *
 * A mutation that another one depends on gets at least the urgency of that one. Foreign keys need not be known: a
 * value that equals another row's id by chance only makes the order stricter.
 *
 * `mutations` are in order of `seq`; `rowBefore` returns the row that a removal removes.
 */
export function inOrder(
  mutations: readonly QueuedMutation[],
  rowBefore: (mutation: QueuedMutation) => Row | null,
  rankOf: (mutation: QueuedMutation) => number,
): { mutation: QueuedMutation; rank: number }[] {
  const ranksOfReferenced = new LowestRanks()
  const ranksOfChanged = new LowestRanks()
  const ranksOfUsedValues = new LowestRanks()
  const ranked = insertsBeforeReferences(mutations)
    .toReversed()
    .map((mutation) => {
      const { table, id, op, data } = mutation
      const old = op === 'delete' ? rowBefore(mutation) : mutation.old
      const references = [...possibleReferences(data), ...possibleReferences(old)]
      const rank = Math.min(
        rankOf(mutation),
        ranksOfReferenced.of([id]),
        ranksOfChanged.of([id, ...references]),
        ranksOfUsedValues.of(uniqueValueKeys(table, old)),
      )
      ranksOfChanged.add(id, rank)
      for (const reference of references) ranksOfReferenced.add(reference, rank)
      for (const key of uniqueValueKeys(table, data)) ranksOfUsedValues.add(key, rank)
      return { mutation, rank }
    })
  return ranked.toReversed().toSorted((a, b) => a.rank - b.rank)
}

/**
 * Renumbers the pending mutations in the order in which they are sent: those of `onlyTables` first, then by rank. The
 * same numbers are assigned anew. Resolves to the last `seq`, after the renumbering, of the mutations up to
 * `lastSeq`, of which `onlyTables` chooses those of its tables and what they depend on. The caller stores `device`.
 */
export async function reorder(
  tx: Transaction,
  { sentSeq }: DeviceRecord,
  lastSeq: number,
  onlyTables?: ReadonlySet<string>,
): Promise<number> {
  const mutations = (await tx.scan('queue')).filter(({ seq }) => seq > sentSeq)
  const removals = mutations.filter(({ op }) => op === 'delete')
  const records = await tx.getMany(
    'rows',
    removals.map(({ table, id }) => [table, id] as const),
  )
  const removedRows = new Map(
    removals.map(({ seq }, index) => [seq, records[index] ? baseRow(records[index]) : null]),
  )
  const ordered = inOrder(
    mutations,
    ({ seq }) => removedRows.get(seq) ?? null,
    ({ table, rank = 0, seq }) =>
      onlyTables?.has(table) && seq <= lastSeq ? rank + CHOSEN_TABLES_RANK : rank,
  )
  const renumbered: QueuedMutation[] = []
  let newLastSeq = Math.min(lastSeq, sentSeq)
  for (const [index, { mutation, rank }] of ordered.entries()) {
    const { seq } = mutations[index]!
    const chosen = !onlyTables || rank < CHOSEN_TABLES_RANK / 2
    if (mutation.seq <= lastSeq && chosen) newLastSeq = seq
    if (mutation.seq !== seq) renumbered.push({ ...mutation, seq })
  }
  await tx.putMany('queue', renumbered)
  return newLastSeq
}
