import type { OpenConflict, Resolution, Resolver } from '../../model/conflict.ts'
import type { Row } from '../../model/row.ts'
import { sameJson } from '../../util/json.ts'

/** Ready-made resolvers of conflicts that wait: `import { resolvers } from 'tidemark'`. */

/** The edit that was made last. */
export const newest: Resolver = ({ analysis }) => ({
  take: analysis.temporal.newer,
  strategy: 'newest',
})

/** What the device had wanted. */
export const local: Resolver = () => ({ take: 'client', strategy: 'local' })

/** What the server has. */
export const remote: Resolver = () => ({ take: 'server', strategy: 'remote' })

/** Both: the server's row, and a second one with the device's values. */
export const keepBoth: Resolver = () => ({ take: 'both', strategy: 'keepBoth' })

/** As the server's analysis suggests. */
export const suggested: Resolver = () => 'suggested'

/** As suggested, where the analysis is sure enough (0 to 1); less sure ones are left for a person. */
export const suggestedFrom =
  (confidence: number): Resolver =>
  ({ analysis }) =>
    analysis.confidence >= confidence ? 'suggested' : null

/** Lists are united, objects merged key by key, of single values the newer stays; an edit beats a removal. */
export const merge: Resolver = (conflict) => combined(conflict, 'merge', newerOf(conflict))

/**
 * Only the named columns are the newer edit's; lists are united and objects merged; everything else stays
 * as the server has it.
 */
export const mergeFields =
  (fields: readonly string[]): Resolver =>
  (conflict) =>
    combined(conflict, 'mergeFields', (column, client, server) =>
      fields.includes(column) ? newerOf(conflict)(column, client, server) : server,
    )

/** Notifications: what was read somewhere is read; everything else is the newer edit's. */
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

/** Projects: as {@link merge}. */
export const project: Resolver = (conflict) => combined(conflict, 'project', newerOf(conflict))

/** Settings: what was set on the device in hand, objects key by key. */
export const settings: Resolver = (conflict) =>
  combined(conflict, 'settings', (_, client) => client, false)

type Pick = (column: string, client: unknown, server: unknown) => unknown

const newerOf =
  ({ analysis }: OpenConflict): Pick =>
  (_, client, server) =>
    analysis.temporal.newer === 'client' ? client : server

/** Columns of both sides as one; `pick` chooses where they cannot be combined. */
function combined(
  { client, server, base, columns }: OpenConflict,
  strategy: string,
  pick: Pick,
  unite = true,
): Resolution {
  if (!client) return { take: 'server', strategy }
  const row: Row = {}
  for (const column of columns) {
    const choose = (c: unknown, s: unknown) => pick(column, c, s)
    row[column] = combine(client[column], server[column], base?.[column], choose, unite)
  }
  return { row, strategy }
}

const isObject = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

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
    // A key that one side took away, and the other left as it was, is gone.
    if (!(key in client) && key in before && sameJson(before[key], server[key])) return []
    if (!(key in server) && key in before && sameJson(before[key], client[key])) return []
    if (!(key in client)) return [[key, server[key]] as const]
    if (!(key in server)) return [[key, client[key]] as const]
    return [[key, combine(client[key], server[key], before[key], choose, unite)] as const]
  })
  return Object.fromEntries(entries)
}

/** Elements of either side, less those that one side removed. */
function union(client: unknown[], server: unknown[], base: unknown[]): unknown[] {
  const has = (list: unknown[], item: unknown): boolean =>
    list.some((other) => sameJson(other, item))
  return [
    ...server.filter((item) => has(client, item) || !has(base, item)),
    ...client.filter((item) => !has(server, item) && !has(base, item)),
  ]
}

/** The earlier of two instants in RFC 3339; null is none. */
function earliest(a: unknown, b: unknown): unknown {
  if (a == null || b == null) return a ?? b ?? null
  return Date.parse(a as string) <= Date.parse(b as string) ? a : b
}
