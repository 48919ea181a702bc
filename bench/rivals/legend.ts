import { observable, observe, syncState, when } from '@legendapp/state'
import { syncedSupabase } from '@legendapp/state/sync-plugins/supabase'
import { createClient } from '@supabase/supabase-js'
import { stack } from '../../dev/testing.ts'
import { type Contact, pageByHand } from '../contacts.ts'
import { expectCount } from '../request.ts'
import { afterwards, noChangeFeed, policy, type Rival, stamped } from './rival.ts'

/** A database as `supabase gen types` describes it, of the one table. */
interface Database {
  public: {
    Tables: {
      legend: { Row: Contact; Insert: Contact; Update: Partial<Contact>; Relationships: [] }
    }
    Views: Record<never, never>
    Functions: Record<never, never>
  }
}

/**
 * It sends all rows at once, each in a request of its own: a browser makes them wait in line by itself,
 * while in Node thousands of connections time out.
 */
const CONNECTIONS = 16

/** A fetch that has so many requests under way at most. */
function few(most: number): typeof globalThis.fetch {
  const waiting: (() => void)[] = []
  let running = 0
  return async (...request) => {
    if (running === most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      // As a browser does where the server has just closed an idle connection.
      return await globalThis.fetch(...request).catch(() => globalThis.fetch(...request))
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

/**
 * Legend-State with its plugin for Supabase, in memory. Its defaults, but for `list`: it reads a table by
 * one select, of which the API gives the first thousand rows, so that it is told to read page by page.
 */
export const legend: Rival = {
  name: 'Legend-State',
  table: 'legend',
  cannot: { realtime: noChangeFeed },

  async createTable(sql) {
    // It keeps its last sync in milliseconds: of finer times it would ask for the newest rows every time.
    await sql.unsafe(`
      create table public.legend (
        like public.plain including all,
        created_at timestamptz(3) not null default now(),
        deleted boolean not null default false
      );
      alter table public.legend drop column version, drop column deleted_at,
        alter column updated_at type timestamptz(3);
      create index on public.legend (user_id, updated_at);
      ${policy('legend')}
      ${stamped('legend', 'updated_at')}`)
  },

  async device({ accessToken }) {
    const supabase = createClient<Database>(stack().api_url, stack().publishable_key, {
      accessToken: async () => accessToken,
      global: { fetch: few(CONNECTIONS) },
    })
    const online = observable(false)
    const saved = observable(0)
    let wanted = 0
    const failed = observable<Error>()
    const asked = observable(0)
    let received = 0
    const contacts = (downloads: boolean) =>
      observable(
        syncedSupabase({
          supabase,
          collection: 'legend',
          actions: downloads ? ['read', 'create', 'update'] : ['create', 'update'],
          list: async ({ lastSync }: { lastSync?: number | undefined }) => {
            const after = lastSync && new Date(lastSync).toISOString()
            const rows = await pageByHand(supabase, 'legend', after || undefined)
            received = rows.length
            asked.set((count) => count + 1)
            return { data: rows as Contact[] } as never
          },
          fieldCreatedAt: 'created_at',
          fieldUpdatedAt: 'updated_at',
          fieldDeleted: 'deleted',
          changesSince: 'last-sync',
          // Without a name nothing is stored; without `persist` it forgets when it has last asked.
          ...(downloads ? { persist: {} } : {}),
          waitForSet: online,
          onSaved: () => void saved.set((count) => count + 1),
          onError: (error) => void failed.set(error),
        }),
      )
    const local = contacts(false)
    local.get()
    const all = contacts(true)
    let unwatch = (): void => {}
    /** Resolves to how many rows came. */
    async function news(): Promise<number> {
      const before = asked.peek()
      const state = syncState(all)
      void state.sync()
      await when(() => failed.get() || (asked.get() > before && !state.isGetting.get()))
      if (failed.peek()) throw failed.peek()
      return received
    }
    return {
      async download() {
        unwatch = observe(() => void all.get())
        await when(() => failed.get() || syncState(all).isLoaded.get())
        if (failed.peek()) throw failed.peek()
        return Object.keys(all.peek() as object).length
      },
      async write(rows) {
        wanted += rows.length
        local.assign(Object.fromEntries(rows.map((row) => [row.id, row])) as never)
      },
      async upload() {
        online.set(true)
        await when(() => saved.get() === wanted || failed.get())
        if (failed.peek()) throw failed.peek()
      },
      pull: (change, count) =>
        afterwards(change, async () => expectCount('rows of Legend-State', await news(), count)),
      async poll() {
        expectCount('news of Legend-State', await news(), 0)
      },
      async close() {
        unwatch()
      },
    }
  },
}
