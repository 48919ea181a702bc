import { literal } from '../database/sql.ts'
import type { Statement } from './effect.ts'
import { newId, type Setting } from './setting.ts'

export const membershipKinds = [
  'join',
  'leave',
  'rejoin',
  'role',
  'all roles',
  'move',
  'hand over',
] as const

/** A change of who is in a scope, by plain SQL. Scopes are numbered: trips first, then clubs. */
export interface Membership {
  change: (typeof membershipKinds)[number]
  scope: number
  user: number
  value: number
}

/** The statement of a change of membership. */
export function membershipStatement(membership: Membership, setting: Setting): Statement {
  const { trips, clubs } = setting
  const place = membership.scope % (trips.length + clubs.length)
  return place < trips.length
    ? { sql: tripMembers(membership, place, setting) }
    : clubMembers(membership, place - trips.length, setting)
}

function tripMembers(membership: Membership, place: number, setting: Setting): string {
  const { trips } = setting
  const { member, other, role } = literals(membership, setting)
  const trip = literal(trips[place])
  const another = literal(trips[(place + 1) % trips.length])
  const one = `trip_id = ${trip} and user_id = ${member}`
  const join = `insert into public.trip_members values (${trip}, ${member}, ${role})
      on conflict (trip_id, user_id) do update set role = excluded.role`
  switch (membership.change) {
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

/** The members table of clubs syncs itself: its rows are in the ledger. */
function clubMembers(membership: Membership, place: number, setting: Setting): Statement {
  const { clubs } = setting
  const club = clubs[place]!
  const another = clubs[(place + 1) % clubs.length]
  const { member, other, role } = literals(membership, setting)
  const where = `club_id = ${literal(club)} and user_id = ${member} and deleted_at is null`
  const join = (): Statement => {
    const id = newId(setting, 'club_members')
    return {
      sql: `insert into public.club_members (id, club_id, user_id, role) values (${literal(id)}, ${literal(club)}, ${member}, ${role})`,
      inserted: [{ table: 'club_members', row: { id } }],
    }
  }
  const leave: Statement = {
    sql: `delete from public.club_members where ${where}`,
    concerned: { table: 'club_members', where, effect: { do: 'delete' } },
  }
  switch (membership.change) {
    case 'join':
      return join()
    case 'leave':
      return leave
    case 'rejoin': {
      const { sql, ...joined } = join()
      return { ...leave, ...joined, sql: `${leave.sql}; ${sql}` }
    }
    case 'role':
      return { sql: `update public.club_members set role = ${role} where ${where}` }
    case 'all roles':
      return {
        sql: `update public.club_members set role = ${role} where club_id = ${literal(club)} and deleted_at is null`,
      }
    case 'move':
      return { sql: `update public.club_members set club_id = ${literal(another)} where ${where}` }
    case 'hand over':
      return { sql: `update public.club_members set user_id = ${other} where ${where}` }
  }
}

const literals = ({ user, value }: Membership, { users }: Setting) => ({
  member: literal(users[user % users.length]),
  other: literal(users[(user + 1) % users.length]),
  role: literal(value % 2 ? 'editor' : 'viewer'),
})
