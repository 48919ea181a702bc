import type { SupabaseClient } from '@supabase/supabase-js'
import { type Contender, type Note } from './contender.ts'

/** As many as the API gives at once. */
const PAGE = 1_000

type Row = Note & { updated_at: string; deleted: boolean }

/**
 * What one writes first without a library: whatever is newer than the newest row that was seen, page by page,
 * with a column that says deleted. Rows and the time outlive the app.
 */
export const byHand: Contender = {
  name: 'supabase-js by hand',
  package: 'node_modules/@supabase/supabase-js',
  cannot: { queue: 'it has no queue: an edit is a request, and repeating it is left to the app' },

  async prepare(sql, table) {
    await sql.unsafe(`
      alter table public.${table}
        add column updated_at timestamptz not null default clock_timestamp(),
        add column deleted boolean not null default false;
      create function public.touch_${table}() returns trigger language plpgsql as $$
      begin
        new.updated_at := clock_timestamp();
        return new;
      end
      $$;
      create trigger touch before update on public.${table}
        for each row execute function public.touch_${table}();`)
  },

  softDelete: (sql, table, id) => sql`
    update ${sql(table)} set deleted = true where id = ${id}`,

  device(table) {
    const held = new Map<string, Note>()
    const errors: string[] = []
    let since: string | undefined
    let supabase: SupabaseClient | undefined
    return {
      async start(client) {
        supabase = client
      },
      async sync() {
        let newest = since
        for (let at = 0; ; at += PAGE) {
          const all = supabase!.from(table).select()
          const news = since ? all.gt('updated_at', since) : all
          const page = news.order('updated_at').order('id')
          const { data, error } = await page.range(at, at + PAGE - 1)
          if (error) return void errors.push(error.message)
          for (const { id, list_id, title, updated_at, deleted } of data as Row[]) {
            if (deleted) held.delete(id)
            else held.set(id, { id, list_id, title })
            newest = updated_at
          }
          if (data.length < PAGE) break
        }
        since = newest
      },
      async stop() {},
      insert: () => noQueue(),
      rename: () => noQueue(),
      rows: async () => [...held.values()],
      told: async () => errors,
    }
  },
}

function noQueue(): Promise<never> {
  throw new Error('what needs a queue is not played by hand')
}
