import type { DeviceRecord, QueuedMutation } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Transaction } from '../storage/contract.ts'
import { baseRow } from './rebase.ts'

/** Mutations of chosen tables, and what they need, before everything else. */
const CHOSEN = -1_000

/** The least (most urgent) rank told for each token. */
class Ranks {
  readonly #ranks = new Map<string, number>()

  tell(token: string, rank: number): void {
    if (rank < (this.#ranks.get(token) ?? Infinity)) this.#ranks.set(token, rank)
  }

  of(tokens: Iterable<string>): number {
    let least = Infinity
    for (const token of tokens) least = Math.min(least, this.#ranks.get(token) ?? Infinity)
    return least
  }
}

/** Values of a row that can name another row. */
const names = (row: Row | null | undefined): string[] =>
  Object.values(row ?? {})
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .map(String)

const cells = (table: string, row: Row | null | undefined): string[] =>
  Object.entries(row ?? {}).map(([column, value]) => JSON.stringify([table, column, value]))

/**
 * Mutations in the order in which they were made, but a row that an earlier mutation has come to name since is made
 * before that one.
 */
function madeFirst(mutations: readonly QueuedMutation[]): QueuedMutation[] {
  const made = new Map<string, QueuedMutation[]>()
  const known = new Set<string>()
  for (const mutation of mutations) {
    const { table, id, op } = mutation
    const row = JSON.stringify([table, id])
    // What removed the row before goes before it.
    if (op === 'put' && !known.has(row)) made.set(id, [...(made.get(id) ?? []), mutation])
    known.add(row)
  }
  const ordered = new Set<QueuedMutation>()
  const begun = new Set<QueuedMutation>()
  // A list instead of calls in calls: a chain of rows may be longer than the stack.
  const open = mutations.toReversed()
  for (let mutation = open.at(-1); mutation; mutation = open.at(-1)) {
    const needed = begun.has(mutation)
      ? []
      : names(mutation.data).flatMap((id) => made.get(id) ?? [])
    begun.add(mutation)
    const missing = needed.filter((each) => !begun.has(each))
    if (missing.length > 0) open.push(...missing)
    else ordered.add(open.pop()!)
  }
  return [...ordered]
}

/**
 * Mutations in the order in which they go out, each with the rank that put it there. Urgent ones come first,
 * but no mutation overtakes one that it may need: an earlier mutation of the same row, of a row that it names or
 * that names its row (a parent is made before its children, and goes after them), a later one that makes a
 * row that it has come to name since, or one that gives up
 * a value that this mutation takes (a unique constraint). What is needed is as urgent as what needs it. Which
 * columns are foreign keys need not be known: a value that happens to be another row's id only makes the
 * order stricter.
 *
 * `mutations` are in the order in which they were made; `before` is what a removed row held.
 */
export function inOrder(
  mutations: readonly QueuedMutation[],
  before: (mutation: QueuedMutation) => Row | null,
  rankOf: (mutation: QueuedMutation) => number,
): { mutation: QueuedMutation; rank: number }[] {
  const named = new Ranks()
  const edited = new Ranks()
  const taken = new Ranks()
  const ranked = madeFirst(mutations)
    .toReversed()
    .map((mutation) => {
      const { table, id, op, data } = mutation
      const old = op === 'delete' ? before(mutation) : mutation.old
      const mentioned = [...names(data), ...names(old)]
      const rank = Math.min(
        rankOf(mutation),
        named.of([id]),
        edited.of([id, ...mentioned]),
        taken.of(cells(table, old)),
      )
      edited.tell(id, rank)
      for (const name of mentioned) named.tell(name, rank)
      for (const cell of cells(table, data)) taken.tell(cell, rank)
      return { mutation, rank }
    })
  return ranked.toReversed().toSorted((a, b) => a.rank - b.rank)
}

/**
 * Renumbers the mutations that were never sent, so that the urgent ones, or those of the tables `only`, come
 * first. Numbers that the server has not seen may change hands; the set of them stays the same. Resolves
 * to the number up to which everything goes out that `lastSeq` stood for: with `only`, no further than what
 * is chosen. The caller stores `device`.
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
  const held = new Map(
    removals.map(({ seq }, place) => [seq, records[place] ? baseRow(records[place]) : null]),
  )
  const ordered = inOrder(
    mutations,
    ({ seq }) => held.get(seq) ?? null,
    ({ table, rank = 0, seq }) => (onlyTables?.has(table) && seq <= lastSeq ? rank + CHOSEN : rank),
  )
  const moved: QueuedMutation[] = []
  let last = Math.min(lastSeq, sentSeq)
  for (const [place, { mutation, rank }] of ordered.entries()) {
    const { seq } = mutations[place]!
    if (mutation.seq <= lastSeq && (!onlyTables || rank < CHOSEN / 2)) last = seq
    if (mutation.seq !== seq) moved.push({ ...mutation, seq })
  }
  await tx.putMany('queue', moved)
  return last
}
