import { createHash } from 'node:crypto'
import { keyOf, type Rows, same } from '../app/rows.ts'
import { type Row, type TableName, tables } from '../app/tables.ts'
import { Violation } from './violation.ts'

/** A row in the storage of a device. */
export interface Held {
  table: string
  id: string
  row: Row | null
  /** The scope it came with; undefined until the server has named it. */
  scope?: string | undefined
  /** Edits of it that are queued. */
  edits: number
}

/** A scope's rows of a table in one number, as `sync_verify` answers it. */
export interface Sum {
  scope: string
  table: string
  count: number
  checksum: number
}

/**
 * A device that has synced holds exactly what plain SQL as its user returns, each row under its scope, and
 * by the same sums as `sync_verify`, where they are given.
 */
export function checkHeld(
  device: string,
  held: readonly Held[],
  truth: Rows,
  sums?: readonly Sum[],
): void {
  const problems: string[] = []
  const keys = new Set<string>()
  for (const { table, id, row, scope, edits } of held) {
    const key = keyOf(table, id)
    keys.add(key)
    const real = truth.get(key)
    const right = real && tables[table as TableName].scope(real)
    if (edits > 0) problems.push(`has not sent its edits of ${key}`)
    else if (!real)
      problems.push(`holds ${key}, which its user may not see: ${JSON.stringify(row)}`)
    else if (!same(row, real))
      problems.push(`holds ${key} as ${JSON.stringify(row)}, and it is ${JSON.stringify(real)}`)
    else if (scope !== right)
      problems.push(`holds ${key} under ${scope ?? 'no scope'}, and it is in ${right}`)
  }
  for (const [key, row] of truth)
    if (!keys.has(key)) problems.push(`lacks ${key} ${JSON.stringify(row)}`)
  if (problems.length === 0 && sums && !same(sumsOf(held), sorted(sums)))
    problems.push(
      `has the sums ${JSON.stringify(sumsOf(held))}, and sync_verify ${JSON.stringify(sums)}`,
    )
  if (problems.length > 0)
    throw new Violation(`after a sync ${device} ${problems.join('\n  and ')}`)
}

function sumsOf(held: readonly Held[]): Sum[] {
  const sums = new Map<string, Sum>()
  for (const { scope = '', table, id, row } of held) {
    const sum = sums.get(`${scope} ${table}`) ?? { scope, table, count: 0, checksum: 0 }
    const digest = createHash('md5')
      .update(`${id}:${String(row!.version)}`)
      .digest()
    sum.count++
    sum.checksum = (sum.checksum + digest.readUInt32BE()) % 2 ** 32
    sums.set(`${scope} ${table}`, sum)
  }
  return sorted([...sums.values()])
}

const sorted = (sums: readonly Sum[]): Sum[] =>
  [...sums].sort((a, b) => (`${a.scope} ${a.table}` < `${b.scope} ${b.table}` ? -1 : 1))
