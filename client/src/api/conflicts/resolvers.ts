import type { OpenConflict, Resolution, Resolver } from '../../model/conflict.ts'
import type { Row } from '../../model/row.ts'
import { sameJson } from '../../util/json.ts'

// Ready-made resolvers of open conflicts: `import { resolvers } from 'tidemark'`.

/** Takes the newer edit. */
export const newest: Resolver = ({ analysis }) => ({
  take: analysis.temporal.newer,
  strategy: 'newest',
})

/** Takes the device's values. */
export const local: Resolver = () => ({ take: 'client', strategy: 'local' })

/** Takes the server's values. */
export const remote: Resolver = () => ({ take: 'server', strategy: 'remote' })

/** Keeps both: the server's row, and a second row with the device's values. */
export const keepBoth: Resolver = () => ({ take: 'both', strategy: 'keepBoth' })

/** Takes what the server's analysis suggests. */
export const suggested: Resolver = () => 'suggested'

/** Takes the suggestion where its confidence (0 to 1) is at least this one; other conflicts stay open. */
export const suggestedFrom =
  (confidence: number): Resolver =>
  ({ analysis }) =>
    analysis.confidence >= confidence ? 'suggested' : null

/** Unites lists, merges objects by key and takes the newer of other values. An edit wins over a removal. */
export const merge: Resolver = (conflict) => combined(conflict, 'merge', newerOf(conflict))

/**
 * Takes the newer value of the named columns and the server's value of others; unites lists and merges objects in
 * all columns.
 */
export const mergeFields =
  (fields: readonly string[]): Resolver =>
  (conflict) =>
    combined(conflict, 'mergeFields', (column, client, server) =>
      fields.includes(column) ? newerOf(conflict)(column, client, server) : server,
    )

/** For notifications: read on one side means read. Takes the newer edit of all other columns. */
export const notification: Resolver = (conflict) => {
  const { client, server, columns } = conflict
  if (!client) return newest(conflict)
  const newer = newerOf(conflict)
  const row = Object.fromEntries(columns.map((c) => [c, newer(c, client[c], server[c])]))
  if ('read' in row) row.read = client.read === true || server.read === true
  if ('read_at' in row) row.read_at = earliest(client.read_at, server.read_at)
  if ('status' in row && [client.status, server.status].includes('read')) row.status = 'read'
  return { row, strategy: 'notification' }
}

/** For projects: the same as {@link merge}. */
export const project: Resolver = (conflict) => combined(conflict, 'project', newerOf(conflict))

/** For settings: takes the device's values, and merges objects by key. */
export const settings: Resolver = (conflict) =>
  combined(conflict, 'settings', (_, client) => client, false)

type ChooseValue = (column: string, client: unknown, server: unknown) => unknown

const newerOf =
  ({ analysis }: OpenConflict): ChooseValue =>
  (_, client, server) =>
    analysis.temporal.newer === 'client' ? client : server

/** A row of both sides: objects are merged, lists united if `unite`, and `choose` decides on other values. */
function combined(
  { client, server, base, columns }: OpenConflict,
  strategy: string,
  choose: ChooseValue,
  unite = true,
): Resolution {
  if (!client) return { take: 'server', strategy }
  const row: Row = {}
  for (const column of columns) {
    const chooseForColumn = (c: unknown, s: unknown) => choose(column, c, s)
    row[column] = combine(client[column], server[column], base?.[column], chooseForColumn, unite)
  }
  return { row, strategy }
}

const isObject = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** One value of both sides; `base` is the value before either edit. */
function combine(
  client: unknown,
  server: unknown,
  base: unknown,
  choose: (client: unknown, server: unknown) => unknown,
  unite: boolean,
): unknown {
  if (unite && Array.isArray(client) && Array.isArray(server))
    return union(client, server, Array.isArray(base) ? base : [])
  if (!isObject(client) || !isObject(server)) return choose(client, server)
  const before = isObject(base) ? base : {}
  const entries = [...new Set([...Object.keys(server), ...Object.keys(client)])].flatMap((key) => {
    // A key that one side removed and the other did not change is removed.
    if (!(key in client) && key in before && sameJson(before[key], server[key])) return []
    if (!(key in server) && key in before && sameJson(before[key], client[key])) return []
    if (!(key in client)) return [[key, server[key]] as const]
    if (!(key in server)) return [[key, client[key]] as const]
    return [[key, combine(client[key], server[key], before[key], choose, unite)] as const]
  })
  return Object.fromEntries(entries)
}

/** The elements of both sides, without those that one side removed. */
function union(client: unknown[], server: unknown[], base: unknown[]): unknown[] {
  const has = (list: unknown[], item: unknown): boolean =>
    list.some((other) => sameJson(other, item))
  return [
    ...server.filter((item) => has(client, item) || !has(base, item)),
    ...client.filter((item) => !has(server, item) && !has(base, item)),
  ]
}

/** The earlier of two times in RFC 3339; the other one where one is null. */
function earliest(a: unknown, b: unknown): unknown {
  if (a == null || b == null) return a ?? b ?? null
  return Date.parse(a as string) <= Date.parse(b as string) ? a : b
}
