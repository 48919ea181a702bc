import {
  createSync,
  type Clock,
  type Network,
  type Sync,
  type SyncEvents,
  type SyncStorage,
} from '../../client/src/index.ts'
import type { Person } from '../person.ts'
import type { Database } from './data.ts'

/** What a device was told about its own edits. */
export interface News {
  merged: number
  conflicts: SyncEvents['conflict_detected'][]
  rejected: SyncEvents['rejected'][]
}

export interface Device {
  name: string
  owner: Person
  sync: Sync<Database>
  news: News
  goOffline(): void
  goOnline(): void
}

interface DeviceOptions {
  storage: SyncStorage
  /** How far the device's clock is ahead, in milliseconds. */
  clockAhead?: number
}

export async function createDevice(
  owner: Person,
  name: string,
  { storage, clockAhead = 0 }: DeviceOptions,
): Promise<Device> {
  let online = true
  const network: Network = { online: () => online, watch: () => () => {} }
  const clock: Clock = {
    now: () => Date.now() + clockAhead,
    after(ms, fn) {
      const timer = setTimeout(fn, ms)
      return () => clearTimeout(timer)
    },
  }
  const sync = createSync<Database>({
    supabase: await owner.signIn(),
    tables: ['cities', 'countries'],
    storage,
    network,
    clock,
  })
  await sync.ready()
  const news: News = { merged: 0, conflicts: [], rejected: [] }
  sync.on('sync_completed', (report) => void (news.merged += report.merged))
  sync.on('conflict_detected', (conflict) => void news.conflicts.push(conflict))
  sync.on('rejected', (edit) => void news.rejected.push(edit))
  return {
    name: `${owner.name}'s ${name}`,
    owner,
    sync,
    news,
    goOffline: () => void (online = false),
    goOnline: () => void (online = true),
  }
}
