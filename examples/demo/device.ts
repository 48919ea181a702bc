import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import {
  createSync,
  type Clock,
  type Network,
  type Sync,
  type SyncEvents,
  type SyncStorage,
} from '../../client/src/index.ts'
import type { StackInfo } from '../../dev/stack.ts'
import type { Database } from './data.ts'

export interface Person {
  name: string
  id: string
  /** Signs one more device in. */
  signIn(): Promise<SupabaseClient>
}

/** A new user of the project. */
export async function signUp(info: StackInfo, name: string): Promise<Person> {
  const auth = { persistSession: false, autoRefreshToken: false }
  const client = () => createClient(info.api_url, info.publishable_key, { auth })
  const credentials = { email: `${crypto.randomUUID()}@example.com`, password: crypto.randomUUID() }
  const { data, error } = await client().auth.signUp(credentials)
  if (error) throw error
  return {
    name,
    id: data.user!.id,
    async signIn() {
      const supabase = client()
      const { error } = await supabase.auth.signInWithPassword(credentials)
      if (error) throw error
      return supabase
    },
  }
}

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
