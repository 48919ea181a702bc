/** How urgent the edits of a table are. Default `medium`. */
export type TablePriority = 'critical' | 'high' | 'medium' | 'low'

/** How urgent one edit is among those of its table: one step up or down. Default `normal`. */
export type EditPriority = 'high' | 'normal' | 'low'

const TABLE_RANK = { critical: -2, high: -1, medium: 0, low: 1 }
const EDIT_RANK = { high: -1, normal: 0, low: 1 }

/** The rank of an edit: lower ranks are sent first; the default is 0. */
export const rankOf = (table: TablePriority = 'medium', edit: EditPriority = 'normal'): number =>
  TABLE_RANK[table] + EDIT_RANK[edit]
