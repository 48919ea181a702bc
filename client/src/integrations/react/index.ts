import { useMemo, useSyncExternalStore } from 'react'
import { observe, type Observable, type SyncState } from '../../api/observe.ts'
import type { Table } from '../../api/table.ts'
import type { Sync } from '../../api/types.ts'
import type { Id } from '../../model/key.ts'
import type { Filter, ListOptions } from '../../model/query.ts'
import type { Row } from '../../model/row.ts'

/**
 * Live rows as an observable, undefined until they are read for the first time. The table is observed while the
 * observable has subscribers.
 */
export function rowsOf<R>(
  table: Pick<Table<R>, 'subscribe'>,
  filter?: Filter<R>,
  options?: ListOptions<R>,
): Observable<R[] | undefined> {
  const subscribers = new Set<() => void>()
  let rows: R[] | undefined
  let unsubscribe: (() => void) | undefined

  return {
    get: () => rows,
    subscribe(fn) {
      // The same function may subscribe twice, and needs two entries in the set.
      const subscriber = (): void => fn()
      subscribers.add(subscriber)
      unsubscribe ??= table.subscribe(
        filter,
        (current) => {
          rows = current
          for (const notify of subscribers) notify()
        },
        options,
      )
      return () => {
        subscribers.delete(subscriber)
        if (subscribers.size > 0) return
        unsubscribe?.()
        unsubscribe = undefined
      }
    },
  }
}

function useObservable<T>({ get, subscribe }: Observable<T>): T {
  return useSyncExternalStore(subscribe, get, get)
}

/**
 * The matching rows, kept up to date; undefined until they are read. A function as filter takes effect when one of
 * `deps` changes; a filter that is an object is compared by its content.
 */
export function useRows<R = Row>(
  table: Pick<Table<R>, 'subscribe'>,
  filter?: Filter<R>,
  options?: ListOptions<R>,
  deps: readonly unknown[] = [],
): R[] | undefined {
  const content = JSON.stringify([typeof filter === 'function' ? null : filter, options])
  // An object written in the component is a new one at each render, so its content is the dependency.
  return useObservable(useMemo(() => rowsOf(table, filter, options), [table, content, ...deps]))
}

/** A row by primary key, kept up to date; null where there is none, undefined until it is read. */
export function useRow<R = Row>(
  table: Pick<Table<R>, 'subscribe'>,
  id: Id,
  /** Column of the primary key. */
  key: keyof R & string = 'id' as keyof R & string,
): R | null | undefined {
  const rows = useRows(table, (row) => String(row[key]) === String(id), undefined, [id, key])
  return rows === undefined ? undefined : (rows[0] ?? null)
}

const states = new WeakMap<object, Observable<SyncState>>()

/** Status, progress, open conflicts and changes of a sync. */
export function useSyncStatus(sync: Pick<Sync, 'on' | 'status'>): SyncState {
  let state = states.get(sync)
  if (!state) states.set(sync, (state = observe(sync)))
  return useObservable(state)
}
