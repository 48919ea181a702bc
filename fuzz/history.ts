import fc from 'fast-check'
import { type TableName, tableNames } from './app.ts'
import { type Change, changes, type Membership } from './sql.ts'

/** What becomes of a push: its answer arrives, or is lost, or it never happened, or it went out twice at once, or it commits later. */
export type Fate = 'heard' | 'lost' | 'undone' | 'twice' | 'late'

export type Op =
  | {
      do: 'edit'
      device: number
      kind: 'put' | 'patch' | 'delete'
      table: TableName
      row: number
      columns: number[]
      value: number
      old: boolean
      taken: boolean
    }
  | { do: 'push'; device: number; fate: Fate; slot: number; size: number }
  | {
      do: 'pull'
      device: number
      limit: number
      pages: number
      again: 'no' | 'fetched' | 'applied'
    }
  | { do: 'apply again' | 'reinstall' | 'backup' | 'restore' | 'revoke'; device: number }
  | { do: 'resolve'; device: number; take: 'client' | 'server' | 'row' }
  | { do: 'sql'; slot: number; change: Change }
  | { do: 'members'; slot: number; membership: Membership }
  | { do: 'purge'; slot: number }
  | { do: 'end'; slot: number; commit: boolean }

export interface History {
  /** Who is in which scope at the start: 0 nobody, 1 an editor, 2 a viewer; scope by scope, user by user. */
  members: number[]
  /** How many devices have downloaded everything before it begins: they edit what they share. */
  ready: number
  ops: Op[]
  /** The page size with which the devices read to the end. */
  limit: number
  /** Whether the checksums of sync_verify are held against the devices too. */
  sums: boolean
}

const device = fc.nat(3)
const table = fc.constantFrom(...tableNames)
/** A transaction that stays open; 2 is none. */
const slot = fc.oneof({ weight: 2, arbitrary: fc.constant(2) }, { weight: 1, arbitrary: fc.nat(1) })
const row = fc.nat(7)
const value = fc.nat(9)

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 24,
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      device,
      kind: fc.constantFrom(
        'patch' as const,
        'patch' as const,
        'patch' as const,
        'put' as const,
        'put' as const,
        'delete' as const,
      ),
      table,
      row,
      columns: fc.array(fc.nat(6), { minLength: 1, maxLength: 3 }),
      value,
      old: fc.boolean(),
      taken: fc.boolean(),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      device,
      fate: fc.constantFrom<Fate>('heard', 'heard', 'heard', 'lost', 'undone', 'twice', 'late'),
      slot: fc.nat(1),
      size: fc.constantFrom(100, 100, 2, 1),
    }),
  },
  {
    weight: 18,
    arbitrary: fc.record({
      do: fc.constant('pull' as const),
      device,
      limit: fc.constantFrom(1, 2, 3, 5, 100),
      pages: fc.integer({ min: 1, max: 4 }),
      again: fc.constantFrom('no' as const, 'no' as const, 'fetched' as const, 'applied' as const),
    }),
  },
  {
    weight: 18,
    arbitrary: fc.record({
      do: fc.constant('sql' as const),
      slot,
      change: fc.record({ kind: fc.constantFrom(...changes), table, row, value }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('members' as const),
      slot,
      membership: fc.record({
        change: fc.constantFrom<Membership['change']>(
          'join',
          'join',
          'leave',
          'leave',
          'rejoin',
          'role',
          'all roles',
          'move',
          'hand over',
        ),
        scope: fc.nat(3),
        user: fc.nat(2),
        value,
      }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      slot: fc.nat(1),
      commit: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('purge' as const), slot }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('resolve' as const),
      device,
      take: fc.constantFrom('client' as const, 'server' as const, 'row' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'apply again' as const,
        'reinstall' as const,
        'backup' as const,
        'backup' as const,
        'restore' as const,
        'restore' as const,
        'revoke' as const,
      ),
      device,
    }),
  },
)

export const history: fc.Arbitrary<History> = fc.record({
  members: fc.array(fc.constantFrom(1, 1, 2, 0), { minLength: 9, maxLength: 9 }),
  ready: fc.constantFrom(0, 2, 2, 4),
  ops: fc.array(op, { maxLength: 25, size: 'max' }),
  limit: fc.constantFrom(100, 100, 100, 100, 20, 5),
  sums: fc.oneof(
    { weight: 2, arbitrary: fc.constant(false) },
    { weight: 1, arbitrary: fc.constant(true) },
  ),
})
