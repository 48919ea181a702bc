import { createClient } from '@supabase/supabase-js'
import { createSync, indexedDbStorage, type Sync } from '../../src/index.ts'

/** What the test hands a tab. */
export interface Setting {
  url: string
  key: string
  session: { access_token: string; refresh_token: string }
  table: string
  /** Name of the IndexedDB database, the same in every tab. */
  store: string
}

/** What a tab can be asked for. */
export interface Tab {
  open(setting: Setting): Promise<void>
  /** Makes rows `from` to `to`, each in a transaction of its own, and changes every second one. */
  write(name: string, from: number, to: number): Promise<void>
  sync(): Promise<void>
  rows(): Promise<Record<string, unknown>[]>
  /** How many rows its subscription was last told of. */
  shown(): Promise<number>
  waiting(): Promise<number>
}

let sync: Sync
let table: string
let shown = 0

const tab: Tab = {
  async open(setting) {
    const supabase = createClient(setting.url, setting.key, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    })
    const { error } = await supabase.auth.setSession(setting.session)
    if (error) throw error
    table = setting.table
    sync = createSync({
      supabase,
      storage: indexedDbStorage(setting.store),
      tables: [table],
      mode: ['auto', 'on-reconnect'],
      debounce: 20,
      batch: { mutations: 25 },
      backoff: { base: 10 },
    })
    await sync.ready()
    sync.table(table).subscribe((rows) => void (shown = rows.length))
  },
  async write(name, from, to) {
    const rows = sync.table(table)
    for (let n = from; n <= to; n++) {
      const { id } = await rows.insert({ n, name })
      if (n % 2 === 0) await rows.update(id as string, { phone: `changed by ${name}` })
    }
  },
  async sync() {
    await sync.sync()
  },
  rows: () => sync.table(table).list(),
  shown: async () => shown,
  async waiting() {
    const { pending, sent, failed } = await sync.queue.stats()
    return pending + sent + failed
  },
}

Object.assign(globalThis, { tab })
