import type { Setting } from './setting.ts'
import { tableNames } from './tables.ts'

/** A text with short names in place of the ids of a history. */
export function readable(text: string, { users, trips, clubs, ids }: Setting): string {
  const names = new Map<string, string>()
  for (const table of tableNames)
    for (const [n, id] of ids[table].entries()) names.set(id, `${table}.${n + 1}`)
  for (const [n, id] of trips.entries()) names.set(id, `trip${n + 1}`)
  for (const [n, id] of clubs.entries()) names.set(id, `club${n + 1}`)
  for (const [n, id] of users.entries()) names.set(id, 'ABCD'[n]!)
  return text.replaceAll(
    /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{7,}/g,
    (id) => names.get(id) ?? id.slice(0, 8),
  )
}
