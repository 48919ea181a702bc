import { byKey, keyOf, type Looked, same, type TableName } from '../fuzz/app.ts'
import { Violation } from '../fuzz/check.ts'
import { as, type Lane } from '../fuzz/lane.ts'
import { type Ledger, marked } from './ledger.ts'
import type { AppEdit } from './history.ts'
import type { Phone } from './phone.ts'

/** An edit that the app made and that its device stored. */
export interface Made {
  phone: Phone
  kind: AppEdit['kind']
  table: TableName
  id: string
  /** Undefined where nobody knows whether it was stored, or where a removal ends what was never sent. */
  mark: string | undefined
  /** How much the app had been told before. */
  told: number
  /** Somebody threw the storage away that had it. */
  thrownAway?: boolean
  /** A process died, perhaps between storing the answer and telling the app of it. */
  unheard?: boolean
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
  const kept = new Set(await phone.edits('failed'))
  const mine = made.filter((edit) => edit.phone === phone)
  for (const [n, edit] of mine.entries()) {
    const { kind, table, id, mark } = edit
    if (mark === undefined || edit.thrownAway) continue
    const said = `edit ${mark} of ${keyOf(table, id)} on ${phone.name}`
    const outcome = ledger.outcome(mark)
    // It may have gone into the next edit of its row.
    const squashed = mine.slice(n + 1).some((other) => other.table === table && other.id === id)
    // A copy of the storage may have been the one that sent it.
    const elsewhere = kind === 'remove' && ledger.doubled.has(mark)
    if (outcome === undefined && !squashed && !elsewhere && !ledger.rolledBack.has(mark))
      throw new Violation(`${said} never reached the server`)
    if (ledger.doubled.has(mark)) continue
    if (outcome === 'rejected' && !kept.has(mark))
      throw new Violation(`${said} was refused, and is not kept`)
    if (outcome === 'overruled' && !edit.unheard && !wasTold(edit))
      throw new Violation(`${said} was overruled, and the app was not told`)
  }
}

const wasTold = ({ phone, kind, table, id, told }: Made): boolean =>
  phone.told
    .slice(told)
    .some(
      (news) =>
        news.table === table &&
        news.id === id &&
        (kind === 'remove' || !news.columns || news.columns.includes(marked[table]!)),
    )
