import type { Sync } from '../../api/types.ts'
import { classify, type SyncError } from '../../model/errors.ts'
import type { Row } from '../../model/row.ts'
import { createTracker, type Entities, type Tracker } from './tracker.ts'

export { createTracker, type Entities, type Tracker } from './tracker.ts'

const printError = (error: SyncError): void =>
  console.error('tidemark: state and tables differ', error)

/** A table, and where its rows are in the app's state. */
export interface Tracked<State> {
  table: string
  /** Column of the primary key. Default `id`. */
  key?: string
  select(state: State): Entities | undefined
}

/** Type of {@link RowsAction}. */
export const ROWS = 'tidemark/rows'

/** Rows that a sync has changed; a reducer applies them with {@link takeRows}. */
export interface RowsAction {
  type: typeof ROWS
  payload: {
    /** Name of the table in the option `entities`. */
    entity: string
    table: string
    /** New and changed rows. */
    rows: Row[]
    /** Keys of removed rows. */
    removed: string[]
  }
}

export const isRowsAction = (action: unknown): action is RowsAction =>
  (action as { type?: unknown } | null)?.type === ROWS

/** A list or a map of rows after a {@link RowsAction}. */
export function takeRows<E extends Entities>(
  entities: E,
  { rows, removed }: RowsAction['payload'],
  key = 'id',
): E {
  const removedIds = new Set(removed)
  const changed = new Map(rows.map((row) => [String(row[key]), row]))
  if (!Array.isArray(entities)) {
    const kept = Object.entries(entities).filter(([id]) => !removedIds.has(id))
    return Object.fromEntries([...kept, ...changed]) as unknown as E
  }
  const kept = (entities as Row[]).flatMap((row) => {
    const id = String(row[key])
    const next = changed.get(id) ?? row
    changed.delete(id)
    return removedIds.has(id) ? [] : [next]
  })
  return [...kept, ...changed.values()] as unknown as E
}

/** The methods of a Redux-style store that a middleware receives. */
interface Api<State> {
  dispatch(action: RowsAction): unknown
  getState(): State
}

type Middleware<State> = (
  api: Api<State>,
) => (next: (action: unknown) => unknown) => (action: unknown) => unknown

/** The middleware that `reduxSync` returns, with its functions. */
export interface ReduxSync<State> {
  middleware: Middleware<State>
  /** Dispatches all rows of the device; call it once at the start. */
  load(): Promise<void>
  /** Resolves when all changes of the state are written to the tables, and all changed rows are dispatched. */
  idle(): Promise<void>
  /** Stops dispatching changed rows. */
  end(): void
}

/**
 * Keeps the state of a Redux-style store and tables equal: changes of the state become edits of the tables, and rows
 * that a sync has changed are dispatched as {@link RowsAction}.
 */
export function reduxSync<State>(
  sync: Pick<Sync, 'table' | 'on'>,
  entities: Readonly<Record<string, Tracked<State>>>,
  { onError = printError }: { onError?: (error: SyncError) => void } = {},
): ReduxSync<State> {
  const tracked = Object.entries(entities).map(([entity, { table, key = 'id', select }]) => ({
    entity,
    table,
    key,
    select,
    tracker: createTracker(sync.table(table), key, onError),
  }))
  let api: Api<State> | undefined
  let dispatching: Promise<void> = Promise.resolve()

  /** Reads rows when every change of the state is written, so that they do not overwrite a newer state. */
  async function readWhenIdle<T>(tracker: Tracker, rows: () => Promise<T>): Promise<T> {
    for (;;) {
      const writes = tracker.idle()
      await writes
      const result = await rows()
      if (tracker.idle() === writes) return result
    }
  }

  const dispatch = (payload: RowsAction['payload']): void =>
    void api?.dispatch({ type: ROWS, payload })

  /** Dispatches the current rows of `ids`, after `previous`. */
  async function dispatchRows(
    previous: Promise<void>,
    { entity, table, tracker }: (typeof tracked)[number],
    ids: readonly string[],
  ): Promise<void> {
    await previous
    const entries = await readWhenIdle(tracker, () =>
      Promise.all(ids.map(async (id) => [id, await sync.table(table).get(id)] as const)),
    )
    const removed = entries.filter(([, row]) => row === null).map(([id]) => id)
    const rows = entries.flatMap(([, row]) => (row ? [row] : []))
    dispatch({ entity, table, rows, removed })
  }

  const unsubscribe = sync.on('change', ({ table, ids, origin }) => {
    if (origin !== 'remote') return
    for (const each of tracked.filter((each) => each.table === table))
      dispatching = dispatchRows(dispatching, each, ids).catch((error: unknown) =>
        onError(classify(error)),
      )
  })

  return {
    middleware: (store) => {
      api = store
      return (next) => (action) => {
        if (isRowsAction(action)) return next(action)
        const before = store.getState()
        const result = next(action)
        const after = store.getState()
        for (const { select, tracker } of tracked) tracker.track(select(before), select(after))
        return result
      }
    },
    async load() {
      for (const { entity, table, tracker } of tracked) {
        const rows = await readWhenIdle(tracker, () => sync.table(table).list())
        dispatch({ entity, table, rows, removed: [] })
      }
    },
    async idle() {
      for (const { tracker } of tracked) await tracker.idle()
      await dispatching
    },
    end: unsubscribe,
  }
}
