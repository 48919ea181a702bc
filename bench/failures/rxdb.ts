import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { createRxDatabase, type RxCollection, type RxDatabase } from 'rxdb/plugins/core'
import { replicateSupabase } from 'rxdb/plugins/replication-supabase'
import { getRxStorageDexie } from 'rxdb/plugins/storage-dexie'
import { unquoted } from '../rivals/rxdb.ts'
import { atMost, type Contender, type Note } from './contender.ts'

const text = { type: 'string' } as const
const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: { id: { type: 'string', maxLength: 40 }, list_id: text, title: text },
  required: ['id', 'list_id', 'title'],
} as const

/** Milliseconds, instead of five seconds: how often it tries does not change what comes of it. */
const RETRY = 500

/**
 * RxDB with its plugin replication-supabase, live, in an IndexedDB that outlives the app. Its defaults, but
 * for the time between two tries.
 */
export const rxdb: Contender = {
  name: 'RxDB',
  package: 'node_modules/rxdb',

  async prepare(sql, table) {
    await sql.unsafe(`
      alter table public.${table}
        add column _deleted boolean not null default false,
        add column _modified timestamptz not null default now();
      create function public.touch_${table}() returns trigger language plpgsql as $$
      begin
        new._modified := now();
        return new;
      end
      $$;
      create trigger touch before update on public.${table}
        for each row execute function public.touch_${table}();`)
  },

  softDelete: (sql, table, id) => sql`
    update ${sql(table)} set _deleted = true where id = ${id}`,

  device(table) {
    const storage = getRxStorageDexie({ indexedDB: new IDBFactory(), IDBKeyRange })
    const name = crypto.randomUUID()
    const errors: string[] = []
    let db: RxDatabase | undefined
    let notes: RxCollection<Note> | undefined
    let replication: ReturnType<typeof replicateSupabase<Note>> | undefined
    return {
      async start(client) {
        db = await createRxDatabase({ name, storage, multiInstance: false })
        const collections = await db.addCollections({ notes: { schema: structuredClone(schema) } })
        notes = collections.notes as RxCollection<Note>
        replication = replicateSupabase<Note>({
          replicationIdentifier: 'notes',
          collection: notes,
          // The same class, by the types of its CommonJS build.
          client: client as never,
          tableName: table,
          live: true,
          waitForLeadership: false,
          retryTime: RETRY,
          pull: { queryBuilder: unquoted },
          push: {},
        })
        replication.error$.subscribe((error) => void errors.push(error.message))
      },
      async sync() {
        replication!.reSync()
        await atMost(4 * RETRY, replication!.awaitInSync())
      },
      async stop() {
        await atMost(2_000, replication!.cancel())
        await atMost(2_000, db!.close())
      },
      async insert(note) {
        await notes!.insert(note)
      },
      async rename(id, title) {
        const note = await notes!.findOne(id).exec(true)
        await note.incrementalPatch({ title })
      },
      rows: async () => (await notes!.find().exec()).map((note) => note.toJSON() as Note),
      told: async () => errors,
    }
  },
}
