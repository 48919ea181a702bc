import fc from 'fast-check'
import { type TableName } from '../fuzz/app.ts'
import type { Membership } from '../fuzz/sql.ts'
import { type Fault, faults } from './network.ts'

/** Tables whose rows devices edit. */
export const edited = ['trips', 'items', 'docs', 'cards', 'notes', 'notices'] as const

export interface AppEdit {
  kind: 'insert' | 'update' | 'remove' | 'bad'
  table: TableName
  row: number
  value: number
}

export interface OwnerEdit {
  kind: 'insert' | 'update' | 'delete' | 'move' | 'visibility'
  table: TableName
  row: number
  value: number
}

export type Op =
  | { do: 'edit'; device: number; edits: AppEdit[] }
  | {
      do: 'sync'
      device: number
      way: 'sync' | 'push' | 'pull'
      faults: (Fault | 'none')[]
      /** The app goes on while it runs. */
      meanwhile: AppEdit | null
    }
  | {
      do: 'at odds'
      devices: [number, number]
      table: TableName
      row: number
      value: number
      /** Whether both sync now, and what the first of them then decides where it has to. */
      next: 'client' | 'server' | 'sync' | 'go on'
    }
  | { do: 'together'; device: number; faults: (Fault | 'none')[] }
  | {
      do: 'kill'
      device: number
      at: number
      moment: 'before' | 'after'
      during: 'edit' | 'sync'
      edit: AppEdit
    }
  | { do: 'clone' | 'back up device' | 'put device back'; device: number }
  | { do: 'clock'; device: number; years: number }
  | { do: 'resolve'; device: number; take: 'client' | 'server' }
  | { do: 'sql'; open: boolean; edit: OwnerEdit }
  | { do: 'end'; commit: boolean }
  | { do: 'members'; membership: Membership }
  | { do: 'purge' | 'schema' | 'back up database' | 'restore database' }

export interface History {
  /** Who is in which scope at the start: 0 nobody, 1 an editor, 2 a viewer; scope by scope, user by user. */
  members: number[]
  /** How many devices have downloaded everything before it begins. */
  ready: number
  /** By how many years the devices' clocks are wrong. */
  clocks: number[]
  ops: Op[]
}

const device = fc.nat(7)
const value = fc.nat(9)
const row = fc.nat(5)
const table = fc.constantFrom(...edited, 'items' as const, 'items' as const, 'cards' as const)
const some = fc.array(
  fc.constantFrom<Fault | 'none'>(...faults, 'none', 'none', 'dropped after', 'dropped after'),
  { maxLength: 3 },
)
const appEdit: fc.Arbitrary<AppEdit> = fc.record({
  kind: fc.constantFrom('insert', 'update', 'update', 'update', 'update', 'remove', 'bad'),
  table,
  row,
  value,
})
const years = fc.constantFrom(0, 0, 0, -10, 10, -1, 1)

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 26,
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      device,
      edits: fc.array(appEdit, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 26,
    arbitrary: fc.record({
      do: fc.constant('sync' as const),
      device,
      way: fc.constantFrom('sync', 'sync', 'sync', 'push', 'pull'),
      faults: some,
      meanwhile: fc.oneof(
        { weight: 4, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: appEdit },
      ),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('at odds' as const),
      devices: fc.tuple(device, device),
      table: fc.constantFrom(...edited, 'cards' as const),
      row,
      value,
      next: fc.constantFrom('client', 'server', 'sync', 'go on', 'go on'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('together' as const), device, faults: some }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('kill' as const),
      device,
      at: fc.integer({ min: 1, max: 14 }),
      moment: fc.constantFrom('before', 'after'),
      during: fc.constantFrom('edit', 'sync', 'sync', 'sync'),
      edit: appEdit,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('clone', 'back up device', 'put device back', 'put device back'),
      device,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('clock' as const), device, years }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('resolve' as const),
      device,
      take: fc.constantFrom('client', 'server'),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('sql' as const),
      open: fc.boolean(),
      edit: fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            kind: fc.constantFrom('insert', 'update', 'update', 'delete'),
            table,
            row,
            value,
          }),
        },
        // Only rows of these tables can go elsewhere, or out of sight.
        {
          weight: 2,
          arbitrary: fc.record({
            kind: fc.constant('move' as const),
            table: fc.constantFrom('items', 'notes'),
            row,
            value,
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            kind: fc.constant('visibility' as const),
            table: fc.constantFrom('items', 'notices'),
            row,
            value,
          }),
        },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('end' as const), commit: fc.boolean() }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('members' as const),
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
        scope: fc.nat(2),
        user: fc.nat(3),
        value,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('purge' as const, 'schema' as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'back up database' as const,
        'restore database' as const,
        'restore database' as const,
      ),
    }),
  },
)

export const history: fc.Arbitrary<History> = fc.record({
  members: fc.array(fc.constantFrom(1, 1, 1, 2, 0), { minLength: 12, maxLength: 12 }),
  ready: fc.constantFrom(2, 4, 4, 8),
  clocks: fc.array(years, { minLength: 8, maxLength: 8 }),
  ops: fc.array(op, { maxLength: 30, size: 'max' }),
})
