import type { Contact } from '../contacts.ts'
import { expectCount } from '../request.ts'
import { afterwards, noChangeFeed, policy, type Rival, stamped } from './rival.ts'

/** The most that the API gives, and a careful hand sends, at once. */
const page = 1_000

/** What one writes without a library: inserts of a thousand rows, and reads by `updated_at`. */
export const byHand: Rival = {
  name: 'supabase-js by hand',
  table: 'by_hand',
  cannot: { realtime: noChangeFeed },

  async createTable(sql) {
    await sql.unsafe(`
      create table public.by_hand (like public.plain including all);
      alter table public.by_hand drop column version, drop column deleted_at;
      create index on public.by_hand (updated_at, id);
      ${policy('by_hand')}
      ${stamped('by_hand', 'updated_at')}`)
  },

  async device({ client }) {
    let waiting: Contact[] = []
    let since: string | undefined
    const held = new Map<string, object>()
    async function news(): Promise<number> {
      let found = 0
      let newest = since
      for (let at = 0; ; at += page) {
        const all = client.from('by_hand').select()
        const newer = since ? all.gt('updated_at', since) : all
        const { data, error } = await newer
          .order('updated_at')
          .order('id')
          .range(at, at + page - 1)
        if (error) throw error
        for (const row of data as { id: string; updated_at: string }[]) {
          held.set(row.id, row)
          newest = row.updated_at
        }
        found += data.length
        if (data.length === page) continue
        since = newest
        return found
      }
    }
    return {
      async download() {
        await news()
        return held.size
      },
      async write(contacts) {
        waiting = contacts
      },
      async upload() {
        for (let at = 0; at < waiting.length; at += page) {
          const { error } = await client.from('by_hand').insert(waiting.slice(at, at + page))
          if (error) throw error
        }
      },
      pull: (change, count) =>
        afterwards(change, async () => expectCount('rows by hand', await news(), count)),
      async poll() {
        expectCount('news by hand', await news(), 0)
      },
      async close() {},
    }
  },
}
