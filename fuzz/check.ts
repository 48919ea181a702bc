import { createHash } from 'node:crypto'
import type { PushResult } from '../supabase/functions/_tidemark/wire.ts'
import { keyOf, type Row, same, type TableName, tables } from './app.ts'
import type { Device, Edit } from './model.ts'

/** Rows by key, as `fuzz.look` and `fuzz.truth` answer them. */
export type Rows = Map<string, Row>

export class Violation extends Error {}

export interface Answered {
  device: Device
  /** The device's rows before it took the answer in. */
  held: Device['rows']
  /** The device after it took the answer in. */
  after: Device
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
  if (results.length !== batch.length || results.some(({ seq }, n) => seq !== batch[n]!.seq))
    throw new Violation('the answer has not one result for each mutation')
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
  const known = held.get(key)?.row
  // A device that had to drop the row, or went back to an older one, hears of it with the next pull.
  if (first.op !== 'put' && (!known || Number(known.version) < (first.base ?? 0))) return
  const believed = after.rows.get(key)?.row
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

/** A scope's rows of a table in one number, as `sync_verify` answers it. */
export interface Sum {
  scope: string
  table: string
  count: number
  checksum: number
}

/** A device that has everything holds exactly what plain SQL as its user returns, and knows so by sums. */
export function checkDevice(device: Device, truth: Rows, sums?: readonly Sum[]): void {
  const problems: string[] = []
  for (const [key, row] of truth) {
    const held = device.rows.get(key)
    if (!held) problems.push(`lacks ${key} ${JSON.stringify(row)}`)
    else if (!same(held.row, row))
      problems.push(`holds ${key} as ${JSON.stringify(held.row)}, and it is ${JSON.stringify(row)}`)
    else {
      const scope = tables[key.split('/')[0] as TableName].scope(row)
      if (held.scope !== scope)
        problems.push(`holds ${key} under ${held.scope ?? 'no scope'}, and it is in ${scope}`)
    }
  }
  for (const [key, { row }] of device.rows)
    if (!truth.has(key)) problems.push(`still holds ${key} ${JSON.stringify(row)}`)
  if (problems.length === 0 && sums && !same(sumsOf(device), sorted(sums)))
    problems.push(
      `has the sums ${JSON.stringify(sumsOf(device))}, and sync_verify ${JSON.stringify(sums)}`,
    )
  if (problems.length > 0)
    throw new Violation(`in the end ${device.name} ${problems.join('\n  and ')}`)
}

function sumsOf(device: Device): Sum[] {
  const sums = new Map<string, Sum>()
  for (const { scope = '', table, id, row } of device.rows.values()) {
    const sum = sums.get(`${scope} ${table}`) ?? { scope, table, count: 0, checksum: 0 }
    const digest = createHash('md5')
      .update(`${id}:${String(row.version)}`)
      .digest()
    sum.count++
    sum.checksum = (sum.checksum + digest.readUInt32BE()) % 2 ** 32
    sums.set(`${scope} ${table}`, sum)
  }
  return sorted([...sums.values()])
}

const sorted = (sums: readonly Sum[]): Sum[] =>
  [...sums].sort((a, b) => (`${a.scope} ${a.table}` < `${b.scope} ${b.table}` ? -1 : 1))
