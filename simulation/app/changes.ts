import { columnValue, literal, words } from '../database/sql.ts'
import { newRow } from './content.ts'
import type { Effect, Statement } from './effect.ts'
import { newId, nextMark, type Setting } from './setting.ts'
import { type Row, type TableName, tables } from './tables.ts'

export const changeKinds = [
  'insert',
  'update',
  'update all',
  'touch',
  'half undone',
  'move',
  'move all',
  'show or hide',
  'delete',
  'delete all',
  'undelete',
  'rekey',
] as const

/** What plain SQL does to a table beside the devices. Numbers choose among what there is. */
export interface Change {
  kind: (typeof changeKinds)[number]
  table: TableName
  row: number
  value: number
}

/** The statement of a change; undefined where there is nothing to change. */
export function changeStatement(change: Change, setting: Setting): Statement | undefined {
  const { kind, table, row, value } = change
  if (kind === 'insert')
    return insertStatement(
      table,
      Array.from({ length: 1 + (value % 3) }, (_, n) => ownRow(table, row, value + n, setting)),
    )
  const { columns, scopeColumn, marked, summed, visibility, moved, rekeyed } = tables[table]
  const known = setting.ids[table]
  const target = known[row % (known.length || 1)]
  if (target === undefined) return undefined
  const one = `id = ${literal(target)}`
  const all = allOf(table, row, setting)
  const [first, last] = [Object.keys(columns)[0]!, Object.keys(columns).at(-1)!]
  const made = (name: string, n: number): Row => ({ [name]: columns[name]!(n, setting) })
  const update = (where: string, set: string, effect: Effect): Statement => ({
    sql: `update public.${table} set ${set} where ${where}`,
    concerned: { table, where, effect },
  })
  const setTo = (where: string, data: Row, add?: number): Statement =>
    update(where, assignments(data, add === undefined ? undefined : summed, add), {
      do: 'set',
      columns: data,
      ...(add !== undefined && { add }),
    })
  const updateOne = (): Statement => {
    const chosen = [marked, first, last][value % 3]
    if (chosen && chosen !== marked) return setTo(one, made(chosen, value))
    if (!marked) return setTo(one, made(last, value))
    return setTo(one, { [marked]: nextMark(setting, 's') }, summed ? value : undefined)
  }

  switch (kind) {
    case 'update':
      return updateOne()
    case 'update all':
      return setTo(all, made(last, value))
    case 'touch':
      return { sql: `update public.${table} set id = id where ${all}` }
    case 'half undone': {
      const { sql, concerned } = updateOne()
      const undone = `update public.${table} set ${assignments(made(last, value + 1))} where ${all}`
      return {
        sql: `do $do$ begin
          begin ${undone}; raise sqlstate 'UNDO1';
          exception when sqlstate 'UNDO1' then null; end;
          ${sql};
        end $do$`,
        ...(concerned && { concerned }),
      }
    }
    case 'move':
    case 'move all': {
      if (!moved || !scopeColumn) return undefined
      const set = assignments({ [scopeColumn]: scopeOf(table, value, setting) })
      return update(kind === 'move' ? one : all, set, { do: 'move' })
    }
    case 'show or hide':
      return visibility ? setTo(one, { [visibility]: value % 2 === 0 }) : undefined
    case 'delete':
    case 'delete all': {
      const where = kind === 'delete' ? one : all
      return {
        sql: `delete from public.${table} where ${where}`,
        concerned: { table, where, effect: { do: 'delete' } },
      }
    }
    case 'undelete':
      return update(one, 'deleted_at = null', { do: 'undelete' })
    case 'rekey': {
      if (!rekeyed) return undefined
      const id = newId(setting, table)
      return update(one, `id = ${literal(id)}`, { do: 'rekey', id })
    }
  }
}

/** New rows of one table, which have the same columns. */
export function insertStatement(table: TableName, rows: readonly Row[]): Statement {
  const values = rows.map((row) => `(${Object.values(row).map(columnValue).join(', ')})`)
  return {
    sql: `insert into public.${table} (${Object.keys(rows[0]!).join(', ')}) values ${values.join(', ')}`,
    inserted: rows.map((row) => ({ table, row })),
  }
}

/** A new row of plain SQL, in a scope that `place` chooses. */
export function ownRow(table: TableName, place: number, value: number, setting: Setting): Row {
  const { scopeColumn } = tables[table]
  const row = newRow(table, newId(setting, table), value, setting, nextMark(setting, 's'))
  if (scopeColumn && scopeColumn !== 'id') row[scopeColumn] = scopeOf(table, place, setting)
  return row
}

/** The value of a table's scope column, which a number chooses. */
function scopeOf(table: TableName, n: number, { users, trips, clubs }: Setting): string {
  const kind = tables[table].scope({}).split(':')[0]
  const scopes = kind === 'user' ? users : kind === 'trip' ? trips.slice(0, 2) : clubs
  return scopes[n % scopes.length]!
}

/** The condition on all rows of a scope. */
function allOf(table: TableName, place: number, setting: Setting): string {
  const { scopeColumn } = tables[table]
  if (!scopeColumn) return `id = any (${words(setting.ids[table])}::bigint[])`
  if (scopeColumn === 'id') return `id = any (${words(setting.trips)}::uuid[])`
  return `${scopeColumn} = ${literal(scopeOf(table, place, setting))}`
}

function assignments(data: Row, added?: string, by = 0): string {
  const set = Object.entries(data).map(([name, value]) => `${name} = ${columnValue(value)}`)
  if (added) set.push(`${added} = ${added} + ${by}`)
  return set.join(', ')
}
