import { useMemo, useSyncExternalStore } from 'react'
import { observe, type Observable, type SyncState } from '../../api/observe.ts'
import type { Table } from '../../api/table.ts'
import type { Sync } from '../../api/types.ts'
import type { Id } from '../../model/key.ts'
import type { Filter, ListOptions } from '../../model/query.ts'
import type { Row } from '../../model/row.ts'

/**
 * Live rows as an observable: undefined until they are read for the first time. The table is followed
 * while there are subscribers.
 */
export function rowsOf<R>(
  table: Pick<Table<R>, 'subscribe'>,
  filter?: Filter<R>,
  options?: ListOptions<R>,
): Observable<R[] | undefined> {
  const subscribers = new Set<() => void>()
  let rows: R[] | undefined
  let end: (() => void) | undefined

  return {
    get: () => rows,
    subscribe(fn) {
      // The same function may subscribe twice.
      const subscriber = (): void => fn()
      subscribers.add(subscriber)
      end ??= table.subscribe(
        filter,
        (found) => {
          rows = found
          for (const tell of subscribers) tell()
        },
        options,
      )
      return () => {
        subscribers.delete(subscriber)
        if (subscribers.size > 0) return
        end?.()
        end = undefined
      }
    },
  }
}

function useObservable<T>({ get, subscribe }: Observable<T>): T {
  return useSyncExternalStore(subscribe, get, get)
}

/**
 * The rows that match, kept up to date; undefined until they are read. A filter that is a function is taken
 * as it is when one of `deps` changes; any other filter may be written in place.
 */
export function useRows<R = Row>(
  table: Pick<Table<R>, 'subscribe'>,
  filter?: Filter<R>,
  options?: ListOptions<R>,
  deps: readonly unknown[] = [],
): R[] | undefined {
  const written = JSON.stringify([typeof filter === 'function' ? null : filter, options])
  // What is written in place is another object at each rendering: its content says whether it changed.
  return useObservable(useMemo(() => rowsOf(table, filter, options), [table, written, ...deps]))
}

/** A row by primary key, kept up to date; null where there is none, undefined until it is read. */
export function useRow<R = Row>(
  table: Pick<Table<R>, 'subscribe'>,
  id: Id,
  /** Column of the primary key. */
  key: keyof R & string = 'id' as keyof R & string,
): R | null | undefined {
  const found = useRows(table, (row) => String(row[key]) === String(id), undefined, [id, key])
  return found === undefined ? undefined : (found[0] ?? null)
}

const states = new WeakMap<object, Observable<SyncState>>()

/** Connectivity, the run under way, what waits and what conflicts. */
export function useSyncStatus(sync: Pick<Sync, 'on' | 'status'>): SyncState {
  let state = states.get(sync)
  if (!state) states.set(sync, (state = observe(sync)))
  return useObservable(state)
}
