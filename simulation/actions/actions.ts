import type { Action } from './action.ts'
import { atOdds } from './at-odds.ts'
import { clock } from './clock.ts'
import { edit } from './edit.ts'
import { backUpDatabase, changeSchema, purge, restoreDatabase } from './owner.ts'
import { kill, twoTabs } from './processes.ts'
import { applyPageAgain, revoke } from './protocol.ts'
import { resolve } from './resolve.ts'
import { end, members, sql } from './sql.ts'
import { backUpDevice, clone, putDeviceBack, reinstall } from './storage.ts'
import { sync } from './sync.ts'

/** All that can happen in a history. */
export const actions = {
  edit,
  sync,
  atOdds,
  resolve,
  clock,
  backUpDevice,
  putDeviceBack,
  reinstall,
  clone,
  kill,
  twoTabs,
  revoke,
  applyPageAgain,
  sql,
  members,
  end,
  purge,
  changeSchema,
  backUpDatabase,
  restoreDatabase,
} satisfies Record<string, Action<object>>

export type ActionName = keyof typeof actions

/** An action and its details. */
export type Op = {
  [Name in ActionName]: (typeof actions)[Name] extends Action<infer Details, infer _>
    ? { do: Name } & Details
    : never
}[ActionName]
