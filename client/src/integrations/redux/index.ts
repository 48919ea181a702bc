import type { Sync } from '../../api/types.ts'
import { classify, type SyncError } from '../../model/errors.ts'
import type { Row } from '../../model/row.ts'
import { createTracker, type Entities, type Tracker } from './tracker.ts'

export { createTracker, type Entities, type Tracker } from './tracker.ts'

const report = (error: SyncError): void => console.error('tidemark: not in step', error)

/** Where rows of a table are in the app's state. */
export interface Tracked<State> {
  table: string
  /** Column of the primary key. Default `id`. */
  key?: string
  select(state: State): Entities | undefined
}

/** Type of the action by which rows come in. */
export const ROWS = 'tidemark/rows'

/** Rows that came in with a sync, for a reducer to take up with {@link takeRows}. */
export interface RowsAction {
  type: typeof ROWS
  payload: {
    /** Name under which it is tracked. */
    entity: string
    table: string
    /** New and changed rows. */
    rows: Row[]
    /** Keys of rows that are gone. */
    removed: string[]
  }
}

export const isRowsAction = (action: unknown): action is RowsAction =>
  (action as { type?: unknown } | null)?.type === ROWS

/** A list or a map of rows with those of an action in it. */
export function takeRows<E extends Entities>(
  entities: E,
  { rows, removed }: RowsAction['payload'],
  key = 'id',
): E {
  const gone = new Set(removed)
  const came = new Map(rows.map((row) => [String(row[key]), row]))
  if (!Array.isArray(entities)) {
    const kept = Object.entries(entities).filter(([id]) => !gone.has(id))
    return Object.fromEntries([...kept, ...came]) as unknown as E
  }
  const kept = (entities as Row[]).flatMap((row) => {
    const id = String(row[key])
    const next = came.get(id) ?? row
    came.delete(id)
    return gone.has(id) ? [] : [next]
  })
  return [...kept, ...came.values()] as unknown as E
}

/** What a Redux-style store gives to a middleware. */
interface Api<State> {
  dispatch(action: RowsAction): unknown
  getState(): State
}

type Middleware<State> = (
  api: Api<State>,
) => (next: (action: unknown) => unknown) => (action: unknown) => unknown

/** A middleware, and what goes with it. */
export interface ReduxSync<State> {
  middleware: Middleware<State>
  /** Dispatches all rows that are on the device; called once at the start. */
  load(): Promise<void>
  /** Resolves when all that was dispatched is written to the tables and rows that came in are dispatched. */
  idle(): Promise<void>
  /** Stops following the tables. */
  end(): void
}

/**
 * Keeps a Redux-style store and tables in step: what an action changes in the state of an entity becomes
 * edits of its table, and rows that a sync brings are dispatched as {@link RowsAction}.
 */
export function reduxSync<State>(
  sync: Pick<Sync, 'table' | 'on'>,
  entities: Readonly<Record<string, Tracked<State>>>,
  { onError = report }: { onError?: (error: SyncError) => void } = {},
): ReduxSync<State> {
  const tracked = Object.entries(entities).map(([entity, { table, key = 'id', select }]) => ({
    entity,
    table,
    key,
    select,
    tracker: createTracker(sync.table(table), key, onError),
  }))
  let api: Api<State> | undefined
  let incoming: Promise<void> = Promise.resolve()

  /** What the state has and the table not yet must not be overwritten by what the table has. */
  async function read<T>(tracker: Tracker, rows: () => Promise<T>): Promise<T> {
    for (;;) {
      const before = tracker.idle()
      await before
      const found = await rows()
      if (tracker.idle() === before) return found
    }
  }

  const dispatch = (payload: RowsAction['payload']): void =>
    void api?.dispatch({ type: ROWS, payload })

  async function take(
    before: Promise<void>,
    { entity, table, tracker }: (typeof tracked)[number],
    ids: readonly string[],
  ): Promise<void> {
    await before
    const found = await read(tracker, () =>
      Promise.all(ids.map(async (id) => [id, await sync.table(table).get(id)] as const)),
    )
    const removed = found.filter(([, row]) => row === null).map(([id]) => id)
    const rows = found.flatMap(([, row]) => (row ? [row] : []))
    dispatch({ entity, table, rows, removed })
  }

  const end = sync.on('change', ({ table, ids, origin }) => {
    if (origin !== 'remote') return
    for (const each of tracked.filter((each) => each.table === table))
      incoming = take(incoming, each, ids).catch((error: unknown) => onError(classify(error)))
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
        const rows = await read(tracker, () => sync.table(table).list())
        dispatch({ entity, table, rows, removed: [] })
      }
    },
    async idle() {
      for (const { tracker } of tracked) await tracker.idle()
      await incoming
    },
    end,
  }
}
