import { useEffect, useState, useSyncExternalStore } from 'react'
import type { Sync, SyncEvents, SyncStatus } from '../../client/src/index.ts'

/** Something that has a state and tells when it changes. */
interface Watched<T> {
  get(): T
  subscribe(fn: () => void): () => void
}

const statuses = new WeakMap<Sync, Watched<SyncStatus>>()

/** `status()`, as one object until it changes. */
function statusOf(sync: Sync): Watched<SyncStatus> {
  let watched = statuses.get(sync)
  if (!watched) {
    let status = sync.status()
    const listeners = new Set<() => void>()
    sync.on('status', (next) => {
      status = next
      for (const fn of listeners) fn()
    })
    watched = {
      get: () => status,
      subscribe(fn) {
        listeners.add(fn)
        return () => void listeners.delete(fn)
      },
    }
    statuses.set(sync, watched)
  }
  return watched
}

export function useStatus(sync: Sync): SyncStatus {
  const { subscribe, get } = statusOf(sync)
  return useSyncExternalStore(subscribe, get)
}

/**
 * What `read` resolves to, read again after each of these events and not more often than it takes. `read`
 * is taken as it was when the sync was new.
 */
export function useRead<T>(
  sync: Sync,
  events: readonly (keyof SyncEvents)[],
  read: () => Promise<T>,
  initial: T,
): T {
  const [value, setValue] = useState(initial)
  useEffect(() => {
    let ended = false
    let reading = false
    let again = false
    const refresh = async (): Promise<void> => {
      if (reading) {
        again = true
        return
      }
      reading = true
      do {
        again = false
        try {
          const next = await read()
          if (!ended) setValue(next)
        } catch {
          // The device was killed, or is offline: what was read last stands.
        }
      } while (again && !ended)
      reading = false
    }
    void refresh()
    const ends = events.map((event) => sync.on(event, () => void refresh()))
    return () => {
      ended = true
      for (const end of ends) end()
    }
  }, [sync])
  return value
}

/** The rows of a table, live. `order` is a column. */
export function useRows<Row>(sync: Sync, table: string, order: keyof Row & string): readonly Row[] {
  const [rows, setRows] = useState<readonly Row[]>([])
  useEffect(
    () =>
      sync
        .table(table)
        .subscribe(undefined, (rows) => setRows(rows as readonly Row[]), { order: [order, 'id'] }),
    [sync, table, order],
  )
  return rows
}
