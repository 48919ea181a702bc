import { randomUUID } from 'node:crypto'
import { type Setting, type TableName, tables } from './app.ts'
import { literal, words } from './lane.ts'

/** What somebody with plain SQL does to a table. Numbers choose among what there is. */
export interface Change {
  kind: (typeof changes)[number]
  table: TableName
  row: number
  value: number
}

export const changes = [
  'insert',
  'update',
  'update all',
  'touch',
  'half undone',
  'move',
  'move all',
  'delete',
  'delete all',
  'undelete',
  'rekey',
] as const

/** Who is in a scope, changed by plain SQL. */
export interface Membership {
  change: 'join' | 'leave' | 'rejoin' | 'role' | 'all roles' | 'move' | 'hand over'
  scope: number
  user: number
  value: number
}

/** Tables whose key nothing points at. */
const rekeyed = new Set<TableName>(['items', 'cards', 'notes', 'club_members'])

export function newId(table: TableName): string {
  return table === 'notices' ? String(Math.floor(Math.random() * 2 ** 40)) : randomUUID()
}

/** The SQL of a change; undefined where there is nothing to change. Ids of new rows go into the setting. */
export function changeSql(
  { kind, table, row, value }: Change,
  setting: Setting,
): string | undefined {
  const { columns, scopeColumn } = tables[table]
  const known = setting.ids[table]
  const target = known[row % (known.length || 1)]
  const [first, second] = [Object.keys(columns)[0]!, Object.keys(columns).at(-1)!]
  const column = value % 2 ? first : second
  const set = (name: string, n: number) => {
    const made = columns[name]!(n === 9 ? 8 : n, setting)
    return `${name} = ${Array.isArray(made) ? words(made as string[]) : literal(made)}`
  }
  const scopeOf = (n: number) =>
    table === 'notes'
      ? setting.users[n % setting.users.length]!
      : ((table === 'items' ? setting.trips : setting.clubs)[n % 2] ?? setting.clubs[0]!)
  const all = scopeColumn
    ? table === 'trips'
      ? `id = any (${words(setting.trips)}::uuid[])`
      : `${scopeColumn} = ${literal(scopeOf(row))}`
    : `id = any (${words(known)}::bigint[])`

  if (kind === 'insert') {
    const rows = Array.from({ length: 1 + (value % 3) }, (_, n) => {
      const id = newId(table)
      known.push(id)
      if (table === 'trips') setting.trips.push(id)
      const values = Object.entries(columns).map(([name, make]) => {
        const made = name === scopeColumn ? scopeOf(row) : make((value + n) % 9, setting)
        return Array.isArray(made) ? words(made as string[]) : literal(made)
      })
      return `(${[literal(id), ...values].join(', ')})`
    })
    return `insert into public.${table} (id, ${Object.keys(columns).join(', ')}) values ${rows.join(', ')}`
  }
  if (target === undefined) return undefined
  const one = `id = ${literal(target)}`
  switch (kind) {
    case 'update':
      return `update public.${table} set ${set(column, value)} where ${one}`
    case 'update all':
      return `update public.${table} set ${set(second, value)} where ${all}`
    case 'touch':
      return `update public.${table} set id = id where ${all}`
    case 'half undone':
      return `do $do$ begin
          begin update public.${table} set ${set(second, value + 1)} where ${all}; raise sqlstate 'UNDO1';
          exception when sqlstate 'UNDO1' then null; end;
          update public.${table} set ${set(column, value)} where ${one};
        end $do$`
    case 'move':
      return scopeColumn && table !== 'trips'
        ? `update public.${table} set ${scopeColumn} = ${literal(scopeOf(value))} where ${one}`
        : undefined
    case 'move all':
      return scopeColumn && table !== 'trips'
        ? `update public.${table} set ${scopeColumn} = ${literal(scopeOf(value))} where ${all}`
        : undefined
    case 'delete':
      return `delete from public.${table} where ${one}`
    case 'delete all':
      return `delete from public.${table} where ${all}`
    case 'undelete':
      return `update public.${table} set deleted_at = null where ${one}`
    case 'rekey': {
      if (!rekeyed.has(table)) return undefined
      const id = newId(table)
      known.push(id)
      return `update public.${table} set id = ${literal(id)} where ${one}`
    }
  }
}

/** The SQL of a change of membership. Scopes are numbered: trips first, then clubs. */
export function membershipSql(
  { change, scope, user, value }: Membership,
  setting: Setting,
): string | undefined {
  const { users, trips, clubs, ids } = setting
  const place = scope % (trips.length + clubs.length)
  const member = literal(users[user % users.length])
  const other = literal(users[(user + 1) % users.length])
  const role = literal(value % 2 ? 'editor' : 'viewer')
  if (place < trips.length) {
    const trip = literal(trips[place])
    const another = literal(trips[(place + 1) % trips.length])
    const one = `trip_id = ${trip} and user_id = ${member}`
    const join = `insert into public.trip_members values (${trip}, ${member}, ${role})
      on conflict (trip_id, user_id) do update set role = excluded.role`
    switch (change) {
      case 'join':
        return join
      case 'leave':
        return `delete from public.trip_members where ${one}`
      case 'rejoin':
        return `delete from public.trip_members where ${one}; ${join}`
      case 'role':
        return `update public.trip_members set role = ${role} where ${one}`
      case 'all roles':
        return `update public.trip_members set role = ${role} where trip_id = ${trip}`
      case 'move':
        return `update public.trip_members m set trip_id = ${another} where ${one}
          and not exists (select from public.trip_members o where o.trip_id = ${another} and o.user_id = m.user_id)`
      case 'hand over':
        return `update public.trip_members m set user_id = ${other} where ${one}
          and not exists (select from public.trip_members o where o.trip_id = m.trip_id and o.user_id = ${other})`
    }
  }
  const club = literal(clubs[place - trips.length])
  const one = `club_id = ${club} and user_id = ${member} and deleted_at is null`
  const join = (): string => {
    const id = newId('club_members')
    ids.club_members.push(id)
    return `insert into public.club_members (id, club_id, user_id, role) values (${literal(id)}, ${club}, ${member}, ${role})`
  }
  switch (change) {
    case 'join':
      return join()
    case 'leave':
      return `delete from public.club_members where ${one}`
    case 'rejoin':
      return `delete from public.club_members where ${one}; ${join()}`
    case 'role':
      return `update public.club_members set role = ${role} where ${one}`
    case 'all roles':
      return `update public.club_members set role = ${role} where club_id = ${club} and deleted_at is null`
    case 'move':
    case 'hand over':
      return `update public.club_members set user_id = ${other} where ${one}`
  }
}
