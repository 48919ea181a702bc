import type { Row } from '../../client/src/index.ts'
import { isRowsAction, takeRows } from '../../client/src/integrations/redux/index.ts'

/** What the app keeps in its store: the rows of each table, by id. */
export type State = Readonly<Record<string, Readonly<Record<string, Row>>>>

/** What the user does. */
export type UserAction =
  | { type: 'add'; table: string; row: Row & { id: string } }
  | { type: 'change'; table: string; id: string; patch: Row }
  | { type: 'remove'; table: string; id: string }

/** The app's reducer; only its first line has to do with sync. */
export function reducer(state: State = {}, action: UserAction | { type: string }): State {
  if (isRowsAction(action)) {
    const { table } = action.payload
    return { ...state, [table]: takeRows(state[table] ?? {}, action.payload) }
  }
  const edit = action as UserAction
  const rows = ('table' in edit && state[edit.table]) || {}
  const put = (next: Record<string, Row>): State => ({ ...state, [edit.table]: next })
  switch (edit.type) {
    case 'add':
      return put({ ...rows, [edit.row.id]: edit.row })
    case 'change':
      return put({ ...rows, [edit.id]: { ...rows[edit.id], ...edit.patch } })
    case 'remove':
      return put(Object.fromEntries(Object.entries(rows).filter(([id]) => id !== edit.id)))
    default:
      return state
  }
}
