import { connect } from '../../dev/testing.ts'
import { type Contact, fill } from '../contacts.ts'
import { expectCount, request } from '../request.ts'
import { afterwards, policy, type Rival, stamped } from './rival.ts'

/** One statement as the user, straight to the database: nothing that goes through an API can be faster. */
export const raw: Rival = {
  name: 'raw Postgres',
  table: 'raw',
  cannot: { realtime: 'SQL tells no device that there is news' },

  async createTable(sql) {
    await sql.unsafe(`
      create table public.raw (like public.plain including all);
      alter table public.raw drop column version, drop column deleted_at;
      create index on public.raw (user_id, updated_at);
      ${policy('raw')}
      ${stamped('raw', 'updated_at')}`)
  },

  async device(user) {
    const sql = connect('postgres', { max: 1 })
    let waiting: Contact[] = []
    let since = '-infinity'
    /** Newer rows as one json, with the moment up to which they go. */
    async function news(): Promise<number> {
      let found = 0
      await request(sql, {
        user: user.id,
        query: `select json_build_object('rows', coalesce(json_agg(row_to_json(t)), '[]'),
            'since', max(t.updated_at))::text
          from raw t where t.updated_at > $1::text::timestamptz`,
        values: [since],
        check: (answer) => {
          const page = JSON.parse(answer) as { rows: unknown[]; since: string | null }
          found = page.rows.length
          since = page.since ?? since
        },
      })
      return found
    }
    return {
      download: news,
      async write(contacts) {
        waiting = contacts
      },
      async upload() {
        await fill(sql, user.id, 'raw', waiting)
      },
      pull: (change, count) =>
        afterwards(change, async () => expectCount('rows', await news(), count)),
      async poll() {
        expectCount('news', await news(), 0)
      },
      close: () => sql.end(),
    }
  },
}
