import { keyOf } from '../app/rows.ts'
import { type TableName, tables } from '../app/tables.ts'
import type { Ledger } from './ledger.ts'
import { Violation } from './violation.ts'

/** An edit that the app made and that its device stored. */
export interface Made {
  /** The device's name. */
  device: string
  kind: 'insert' | 'update' | 'remove' | 'bad'
  table: TableName
  id: string
  /** Undefined where it has none, where it is not known whether it was stored, and where a removal ends what was never sent. */
  mark: string | undefined
  /** How much the app had been told before. */
  told: number
  /** The storage that had it is gone. */
  thrownAway?: boolean
  /** A process died, perhaps between storing the answer and telling the app of it. */
  unheard?: boolean
}

/** What the app was told is not as it wanted. */
export interface Told {
  table: string
  id: string
  /** Those that were overruled; undefined where the edit was as a whole. */
  columns?: string[]
}

/** What an app knows of its edits in the end. */
export interface Heard {
  /** In order. */
  told: readonly Told[]
  /** Marks of the edits that were refused and are kept. */
  kept: ReadonlySet<string>
}

/** Of every edit that the app made it is known what became of it, and the app has been told. */
export function checkEdits(
  device: string,
  made: readonly Made[],
  { told, kept }: Heard,
  ledger: Ledger,
): void {
  const mine = made.filter((edit) => edit.device === device)
  for (const [n, edit] of mine.entries()) {
    const { kind, table, id, mark } = edit
    if (mark === undefined || edit.thrownAway) continue
    const said = `edit ${mark} of ${keyOf(table, id)} on ${device}`
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
    if (outcome === 'overruled' && !edit.unheard && !wasTold(edit, told))
      throw new Violation(`${said} was overruled, and the app was not told`)
  }
}

const wasTold = ({ kind, table, id, told: before }: Made, told: readonly Told[]): boolean =>
  told
    .slice(before)
    .some(
      (news) =>
        news.table === table &&
        news.id === id &&
        (kind === 'remove' || !news.columns || news.columns.includes(tables[table].marked!)),
    )
