import { observable, observe, type Observable, syncState } from '@legendapp/state'
import { ObservablePersistLocalStorageBase } from '@legendapp/state/persist-plugins/local-storage'
import { syncedSupabase } from '@legendapp/state/sync-plugins/supabase'
import { type Contender, type Note } from './contender.ts'
import { within } from './within.ts'

/** Two columns with times and one that says deleted, kept by a trigger. */
const columns = (table: string): string => `
  alter table public.${table}
    add column created_at timestamptz default now(),
    add column updated_at timestamptz default now(),
    add column deleted boolean default false;
  create function public.touch_${table}() returns trigger language plpgsql as $$
  begin
    new.created_at := case when tg_op = 'INSERT' then now() else old.created_at end;
    new.updated_at := now();
    return new;
  end
  $$;
  create trigger touch before insert or update on public.${table}
    for each row execute function public.touch_${table}();`

/** Its `retry`, with short pauses: how often it tries does not change what comes of it. */
const retry = { infinite: true, delay: 200, maxDelay: 500 }

/**
 * Legend-State with its plugin for Supabase, what it keeps in a localStorage that outlives the app, asking
 * for what changed since its last sync. Once as its page on Supabase shows it, and once with `retry`.
 */
export const legend = (retries: boolean): Contender => ({
  name: retries ? 'Legend-State, with retry' : 'Legend-State',
  package: 'node_modules/@legendapp/state',

  async prepare(sql, table) {
    await sql.unsafe(columns(table))
  },

  softDelete: (sql, table, id) => sql`
    update ${sql(table)} set deleted = true where id = ${id}`,

  device(table) {
    const kept = new Map<string, string>()
    const errors: string[] = []
    let notes: Observable<Record<string, Note>> | undefined
    let ends = (): void => {}
    return {
      async start(supabase) {
        const local = observable(
          syncedSupabase({
            supabase: supabase as never,
            collection: table as never,
            fieldCreatedAt: 'created_at',
            fieldUpdatedAt: 'updated_at',
            fieldDeleted: 'deleted',
            changesSince: 'last-sync',
            persist: { name: table, retrySync: true, plugin: localStorageOn(kept) as never },
            ...(retries ? { retry } : {}),
            onError: (error: Error) => void errors.push(error.message),
          }),
        ) as unknown as Observable<Record<string, Note>>
        notes = local
        // It throws what it has told; a browser prints that, while Node would end.
        process.on('unhandledRejection', ignore)
        const unwatch = observe(() => void local.get())
        ends = () => {
          unwatch()
          process.off('unhandledRejection', ignore)
        }
      },
      async sync() {
        const state = syncState(notes!)
        void state.sync()
        await within(2_000, async () => !state.isGetting.peek() && !state.isSetting.peek())
      },
      async stop() {
        ends()
      },
      async insert(note) {
        notes![note.id]!.set(note)
      },
      async rename(id, title) {
        notes![id]!.title.set(title)
      },
      rows: async () => Object.values(notes!.peek() ?? {}).filter(Boolean),
      told: async () => errors,
    }
  },
})

function ignore(): void {}

function localStorageOn(kept: Map<string, string>): ObservablePersistLocalStorageBase {
  return new ObservablePersistLocalStorageBase({
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  } as Storage)
}
