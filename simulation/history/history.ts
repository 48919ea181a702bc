import fc from 'fast-check'
import type { Action } from '../actions/action.ts'
import { type ActionName, actions, type Op } from '../actions/actions.ts'
import { skew } from '../actions/clock.ts'
import { casts, type DriverName } from '../drivers/cast.ts'

/** What the users of a cast do on their devices, and what others do beside it: the beginning, and what happens. */
export interface History {
  /** Who is in which scope at the start: 0 no member, 1 an editor, 2 a viewer; scope by scope, user by user. */
  members: number[]
  /** How many devices have downloaded everything before it begins: they edit what they share. */
  ready: number
  /** By how many milliseconds the devices' clocks are wrong. */
  clocks: number[]
  /** The page size with which devices read to the end. */
  pageSize: number
  /** Whether the checksums of sync_verify are held against the devices too. */
  sums: boolean
  ops: Op[]
}

/** Other weights of actions than their own, by name. */
export type Focus = Partial<Record<ActionName, number>>

/** The histories of a driver. A focus makes those likelier that a certain fault shows in. */
export function histories(driver: DriverName, focus: Focus = {}): fc.Arbitrary<History> {
  const { users, devices } = casts[driver]
  const scopes = 4
  return fc.record({
    members: fc.array(fc.constantFrom(1, 1, 1, 2, 0), {
      minLength: scopes * users,
      maxLength: scopes * users,
    }),
    ready: fc.constantFrom(...[0, 0.5, 0.5, 1].map((part) => part * devices.length)),
    clocks: fc.array(skew, { minLength: devices.length, maxLength: devices.length }),
    pageSize: fc.constantFrom(100, 100, 100, 100, 20, 5),
    sums: fc.constantFrom(false, false, true),
    ops: fc.array(ops(driver, focus), { maxLength: 30, size: 'max' }),
  })
}

function ops(driver: DriverName, focus: Focus): fc.Arbitrary<Op> {
  const choices = Object.entries(actions as Record<string, Action<object>>).map(
    ([name, { weights, of }]) => ({
      weight: weights[driver] === undefined ? 0 : (focus[name as ActionName] ?? weights[driver]),
      arbitrary: of(driver).map((details) => ({ do: name, ...details }) as Op),
    }),
  )
  return fc.oneof(...choices.filter(({ weight }) => weight > 0))
}

/** What many histories of a driver have to show. */
export const happenings = (driver: DriverName): string[] =>
  Object.values(actions as Record<string, Action<object>>)
    .filter(({ weights }) => weights[driver] !== undefined)
    .flatMap((action) => action.happenings(driver))
