import type { PushResult } from '../../supabase/functions/_tidemark/wire.ts'
import { keyOf, type Rows, same } from '../app/rows.ts'
import { type Row, type TableName, tables } from '../app/tables.ts'
import { Violation } from './violation.ts'

/** A queued edit, as it goes over the wire. */
export interface Edit {
  seq: number
  table: TableName
  op: 'put' | 'patch' | 'delete'
  id: string
  base: number | null
  data?: Row
  old?: Row
  edited_at: string
}

export interface Answered {
  /** The device's rows before it took the answer in, and after. */
  held: Rows
  after: Rows
  batch: readonly Edit[]
  results: readonly PushResult[]
  /** Mutations up to this number were committed earlier. */
  committed: number
  /** The rows that the batch names, before and after: as they are, and as the user sees them. */
  before: Rows
  stored: Rows
  seen: Rows
  /** The user's scopes after it: a row of another scope may be visible, and is not for a device to hold. */
  scopes: readonly string[]
  /** Rows made by keep_both, and what of the client's manual conflicts keep, by id. */
  aside: Rows
}

const stamps = ['version', 'updated_at']
const live = (row: Row | undefined): boolean => row !== undefined && row.deleted_at === null

/** What a push answers is what is stored, and of what it accepted nothing is lost silently. */
export function checkAnswer(answered: Answered): void {
  const { batch, results, committed, before, stored } = answered
  checkResults(batch, results)
  for (const [n, edit] of batch.entries()) {
    const { status } = results[n]!
    if ((status === 'duplicate') !== edit.seq <= committed)
      throw new Violation(`seq ${edit.seq} is answered ${status}, and ${committed} is committed`)
  }
  const touched = new Map<string, number[]>()
  for (const [n, { table, id }] of batch.entries()) {
    const key = keyOf(table, id)
    touched.set(key, [...(touched.get(key) ?? []), n])
  }
  for (const [key, places] of touched) {
    const outcomes = places.map((n) => results[n]!)
    if (outcomes.every(({ status }) => status === 'duplicate' || status === 'rejected')) {
      if (!same(before.get(key), stored.get(key)) && !isCarried(answered, key))
        throw new Violation(`${key} was changed by a mutation that was refused or repeated`)
    } else {
      checkBelief(answered, key, places)
      const last = places.at(-1)!
      if (['applied', 'merged', 'conflict'].includes(results[last]!.status))
        checkEffect(answered, key, batch[last]!, results[last]!)
    }
  }
}

/** An answer has one result for each mutation, in their order. */
export function checkResults(
  batch: readonly { seq: number }[],
  results: readonly PushResult[],
): void {
  if (results.length !== batch.length || results.some(({ seq }, n) => seq !== batch[n]!.seq))
    throw new Violation('the answer has not one result for each mutation')
}

/** Whether another mutation of the batch may have changed the row: a delete that cascades, a membership. */
function isCarried({ batch }: Answered, key: string): boolean {
  return batch.some((edit) => edit.op === 'delete' && keyOf(edit.table, edit.id) !== key)
}

/** Whether the row is of a scope that the user is in. */
function isHeld({ scopes }: Answered, key: string, row: Row): boolean {
  return scopes.includes(tables[key.split('/')[0] as TableName].scope(row))
}

/** What the device now holds for a row it edited is what its user sees. */
function checkBelief(answered: Answered, key: string, places: number[]): void {
  const { after, batch, results, held, seen } = answered
  const last = results[places.at(-1)!]!
  const first = batch[places[0]!]!
  if (last.status === 'rejected' || isCarried(answered, key)) return
  const known = held.get(key)
  // A device that had to drop the row, or went back to an older one, hears of it with the next pull.
  if (first.op !== 'put' && (!known || Number(known.version) < (first.base ?? 0))) return
  const believed = after.get(key)
  const actual = live(seen.get(key)) ? seen.get(key) : undefined
  if (believed && !actual) {
    // An insert that its user may not see, or a membership that the batch took away, goes with the next pull.
    if (last.row && !batch.some((edit) => edit.table === 'club_members'))
      throw new Violation(`the device believes in ${key}, which its user does not see`)
    return
  }
  if (!believed && actual && isHeld(answered, key, actual))
    throw new Violation(`after "${last.status}" the device drops ${key}, which its user sees`)
  // A row of a scope that the user has left, though a policy shows it, goes with the next pull.
  if (!believed || !actual || !isHeld(answered, key, actual)) return
  const ignored = last.row ? [] : ['updated_at']
  const columns = Object.keys(believed).filter((column) => column in actual)
  const differs = columns.filter(
    (column) => !ignored.includes(column) && !same(believed[column], actual[column]),
  )
  if (differs.length > 0)
    throw new Violation(
      `after "${last.status}" the device believes ${key} is ${JSON.stringify(believed)}, and it is ${JSON.stringify(actual)}`,
    )
}

/** What was accepted is in the row, or is said to be elsewhere. */
function checkEffect(answered: Answered, key: string, edit: Edit, result: PushResult): void {
  const { before, stored, seen, aside } = answered
  const row = stored.get(key)
  if (edit.op === 'delete') {
    const winner = seen.get(key)
    if (
      result.status === 'conflict' &&
      live(winner) &&
      isHeld(answered, key, winner!) &&
      !result.row
    )
      throw new Violation(`the delete of ${key} was overruled without saying by which row`)
    return
  }
  if (!row) throw new Violation(`${key} was "${result.status}" and is not there`)
  if (row.deleted_at !== null && result.status !== 'conflict' && !isCarried(answered, key))
    throw new Violation(`${key} was "${result.status}" and is deleted`)
  const { copy_id, conflict_id } = result as { copy_id?: string; conflict_id?: string }
  const elsewhere = aside.get(copy_id ?? conflict_id ?? '')
  if ((copy_id || conflict_id) && !elsewhere)
    throw new Violation(`${key}: ${copy_id ? 'the copy' : 'the conflict'} is not there`)
  // What a delete of the same batch takes along or sets to null is no longer as it was sent.
  if (isCarried(answered, key)) return
  for (const [column, value] of Object.entries(edit.data ?? {})) {
    if (column === 'id' || stamps.includes(column) || result.lost?.includes(column)) continue
    if (edit.old && same(edit.old[column], value)) continue
    if (
      !contains(row[column], value, edit, column, before.has(key)) &&
      !same(elsewhere?.[column], value)
    )
      throw new Violation(
        `${key}.${column}: ${JSON.stringify(value)} was "${result.status}", and the row has ${JSON.stringify(row[column])}`,
      )
  }
  if (result.status === 'conflict' && !result.lost && !elsewhere)
    throw new Violation(`${key} is a conflict that names nothing`)
}

function contains(
  stored: unknown,
  sent: unknown,
  edit: Edit,
  column: string,
  existed: boolean,
): boolean {
  if (same(stored, sent)) return true
  const rule = tables[edit.table].computed[column]
  if (rule === 'union') {
    const old = edit.old?.[column]
    const was = Array.isArray(old) ? old : []
    const has = Array.isArray(stored) ? stored : []
    return ((sent ?? []) as unknown[]).every((item) => has.includes(item) || was.includes(item))
  }
  return rule !== undefined && existed
}
