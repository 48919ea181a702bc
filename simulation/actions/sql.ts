import fc from 'fast-check'
import { type Change, changeKinds, changeStatement } from '../app/changes.ts'
import { type Membership, membershipKinds, membershipStatement } from '../app/memberships.ts'
import { casts } from '../drivers/cast.ts'
import { action } from './action.ts'
import { row, slot, table, value } from './arbitraries.ts'

/** Plain SQL beside the devices, in a transaction of its own or in one that stays open. */

export const sql = action<{ slot: number; change: Change }>({
  weights: { wire: 18, client: 12 },
  happenings: () => [...changeKinds.map((kind) => `SQL ${kind}`), 'SQL left open', 'SQL refused'],
  of: () =>
    fc.record({
      slot,
      change: fc.record({ kind: fc.constantFrom(...changeKinds), table, row, value }),
    }),
  play: ({ world }, { slot, change }) =>
    world.server.run(slot, changeStatement(change, world.setting), `SQL ${change.kind}`),
})

export const members = action<{ slot: number; membership: Membership }>({
  weights: { wire: 12, client: 9 },
  happenings: () => membershipKinds.map((kind) => `members ${kind}`),
  of: (driver) =>
    fc.record({
      slot,
      membership: fc.record({
        change: fc.constantFrom(...membershipKinds, 'join', 'leave'),
        scope: fc.nat(3),
        user: fc.nat(casts[driver].users - 1),
        value,
      }),
    }),
  play: ({ world }, { slot, membership }) =>
    world.server.run(
      slot,
      membershipStatement(membership, world.setting),
      `members ${membership.change}`,
    ),
})

/** An open transaction ends. */
export const end = action<{ slot: number; commit: boolean }>({
  weights: { wire: 10, client: 6 },
  happenings: () => ['SQL committed', 'SQL rolled back'],
  of: () => fc.record({ slot: fc.nat(1), commit: fc.boolean() }),
  play: ({ world }, { slot, commit }) => world.server.end(slot, commit),
})
