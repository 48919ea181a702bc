import { observable, syncState, when } from '@legendapp/state'
import { syncedSupabase } from '@legendapp/state/sync-plugins/supabase'
import { createClient } from '@supabase/supabase-js'
import { stack } from '../../dev/testing.ts'
import { type Contact, pageByHand } from '../contacts.ts'
import { noChangeFeed, policy, type Rival, stamped } from './rival.ts'

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

const fromTheStart =
  'in memory it keeps no time of its last sync and reads the whole table again; its stores are for browsers and phones'

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
  cannot: { pull: fromTheStart, poll: fromTheStart, realtime: noChangeFeed },

  async createTable(sql) {
    await sql.unsafe(`
      create table public.legend (
        like public.plain including all,
        created_at timestamptz not null default now()
      );
      alter table public.legend drop column version, drop column deleted_at;
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
    const contacts = (downloads: boolean) =>
      observable(
        syncedSupabase({
          supabase,
          collection: 'legend',
          actions: downloads ? ['read', 'create', 'update'] : ['create', 'update'],
          list: async () =>
            ({ data: (await pageByHand(supabase, 'legend')) as Contact[] }) as never,
          fieldCreatedAt: 'created_at',
          fieldUpdatedAt: 'updated_at',
          changesSince: 'last-sync',
          waitForSet: online,
          onSaved: () => void saved.set((count) => count + 1),
          onError: (error) => void failed.set(error),
        }),
      )
    const local = contacts(false)
    local.get()
    return {
      async download() {
        const all = contacts(true)
        all.get()
        await when(() => syncState(all).isLoaded.get())
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
      async close() {},
    }
  },
}
