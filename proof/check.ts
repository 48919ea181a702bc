import { byKey, keyOf, type Looked, same, type TableName } from '../fuzz/app.ts'
import { Violation } from '../fuzz/check.ts'
import { as, type Lane } from '../fuzz/lane.ts'
import { type Ledger, marked } from './ledger.ts'
import type { Phone } from './phone.ts'

/** An edit that the app made and that its device stored. */
export interface Made {
  phone: Phone
  table: TableName
  id: string
  /** Undefined for a removal, and for one that the server must refuse. */
  mark: string | undefined
  /** Somebody threw the storage away that had it. */
  thrownAway?: boolean
}

/** A device that has synced holds exactly what plain SQL shows its user. */
export async function checkPhone(phone: Phone, owner: Lane): Promise<void> {
  const [looked] = (await owner.run(`${as(phone.user)} select fuzz.truth()`)) as [Looked]
  const truth = byKey(looked)
  const problems: string[] = []
  const held = new Set<string>()
  for (const { table, id, row, edits } of await phone.held()) {
    const key = keyOf(table, id)
    held.add(key)
    const real = truth.get(key)
    if (edits > 0) problems.push(`has not sent its edits of ${key}`)
    else if (!real)
      problems.push(`holds ${key}, which its user may not see: ${JSON.stringify(row)}`)
    else if (!same(row, real))
      problems.push(`holds ${key} as ${JSON.stringify(row)}, and it is ${JSON.stringify(real)}`)
  }
  for (const [key, row] of truth)
    if (!held.has(key)) problems.push(`lacks ${key} ${JSON.stringify(row)}`)
  if (problems.length > 0)
    throw new Violation(`after a sync ${phone.name} ${problems.join('\n  and ')}`)
}

/** Of every edit that the app made it is known what became of it, and the app has been told. */
export async function checkEdits(phone: Phone, made: Made[], ledger: Ledger): Promise<void> {
  const refused = new Set<unknown>()
  for (const { table, data } of await phone.waiting())
    refused.add(data[marked[table as TableName]!])
  const mine = made.filter((edit) => edit.phone === phone)
  for (const [n, { table, id, mark, thrownAway }] of mine.entries()) {
    const key = keyOf(table, id)
    if (mark === undefined || thrownAway) continue
    const later = mine.slice(n + 1).some((other) => other.table === table && other.id === id)
    const outcome = ledger.outcome(mark)
    if (outcome === undefined && !later && !ledger.rolledBack.has(mark))
      throw new Violation(`edit ${mark} of ${key} on ${phone.name} never reached the server`)
    if (outcome === 'rejected' && !refused.has(mark) && !ledger.doubled.has(mark))
      throw new Violation(`edit ${mark} of ${key} was refused, and ${phone.name} has not kept it`)
    // What a copy of the storage was answered is the copy's to tell.
    const known = phone.told.has(key) || ledger.doubled.has(mark)
    if (outcome === 'overruled' && !known && !phone.mayHaveMissedNews)
      throw new Violation(`edit ${mark} of ${key} was overruled, and ${phone.name} was not told`)
  }
}
