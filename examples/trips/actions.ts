import type { Row } from '../../client/src/index.ts'

/** What the app keeps in its store: the rows of each table, by id. */
export type State = Record<string, Record<string, Row>>

/** What the user does. */
export type UserAction =
  | { type: 'add'; table: string; row: Row & { id: string } }
  | { type: 'change'; table: string; id: string; patch: Row }
  | { type: 'remove'; table: string; id: string }

/** What a sync, or another device, has done: a table as it is now. */
export interface TableChanged {
  type: 'table changed'
  table: string
  rows: readonly Row[]
}

export type Action = UserAction | TableChanged

export const isUserAction = (action: { type: string }): action is UserAction =>
  ['add', 'change', 'remove'].includes(action.type)

/** The app's reducer, as it was before there was any sync. */
export function reducer(state: State = {}, action: Action | { type: '@@INIT' }): State {
  if (action.type === '@@INIT' || !('table' in action)) return state
  const rows = state[action.table] ?? {}
  const put = (next: Record<string, Row>): State => ({ ...state, [action.table]: next })
  switch (action.type) {
    case 'add':
      return put({ ...rows, [action.row.id]: action.row })
    case 'change':
      return put({ ...rows, [action.id]: { ...rows[action.id], ...action.patch } })
    case 'remove':
      return put(Object.fromEntries(Object.entries(rows).filter(([id]) => id !== action.id)))
    case 'table changed':
      return put(Object.fromEntries(action.rows.map((row) => [String(row.id), row])))
  }
}
