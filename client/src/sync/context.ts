import type { Capacity } from '../database/capacity.ts'
import type { Store } from '../database/store.ts'
import type { SyncEvents } from '../model/events.ts'
import type { Requests } from '../transport/requests.ts'
import type { Emitter } from '../util/emitter.ts'
import type { OwnerGuard } from './owner-guard.ts'
import type { Session } from './session.ts'
import type { Settings } from './settings.ts'

/** What every step of a sync uses. */
export interface SyncContext {
  settings: Settings
  store: Store
  session: Session
  /** Stops a run whose user is no longer the owner of the store. */
  owner: OwnerGuard
  requests: Requests
  capacity: Capacity
  events: Emitter<SyncEvents>
  /** Rows in a page. Becomes smaller after a page that took the database too long. */
  pageSize: number
}
