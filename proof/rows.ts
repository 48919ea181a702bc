import { randomUUID } from 'node:crypto'
import type { Row, Setting, TableName } from '../fuzz/app.ts'

/** A new id, known to the history from now on. */
export function newId(table: TableName, { ids }: Setting): string {
  const id = table === 'notices' ? String(Math.floor(Math.random() * 2 ** 40) + 1e7) : randomUUID()
  ids[table].push(id)
  return id
}

/** The columns of a new row, without the one that names the edit. */
export function content(
  table: TableName,
  id: string,
  value: number,
  user: string,
  { trips, clubs }: Setting,
): Row {
  switch (table) {
    case 'items':
      return { id, trip_id: trips[value % trips.length], quantity: value }
    case 'docs':
      return { id, club_id: clubs[0], title: `w${value}` }
    case 'cards':
      return { id, club_id: clubs[0], place: value }
    case 'notes':
      return { id, user_id: user, stars: value }
    case 'notices':
      return { id: Number(id), published: true }
    default:
      return { id }
  }
}
