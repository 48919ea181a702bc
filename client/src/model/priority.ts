/** How urgent the edits of a table are. Default `medium`. */
export type TablePriority = 'critical' | 'high' | 'medium' | 'low'

/** How urgent one edit is among those of its table: one step up or down. Default `normal`. */
export type EditPriority = 'high' | 'normal' | 'low'

const TABLE = { critical: -2, high: -1, medium: 0, low: 1 }
const EDIT = { high: -1, normal: 0, low: 1 }

/** An edit's place among the others: lower goes out first, 0 is the usual. */
export const rankOf = (table: TablePriority = 'medium', edit: EditPriority = 'normal'): number =>
  TABLE[table] + EDIT[edit]
