import { createRxDatabase } from 'rxdb/plugins/core'
import { replicateSupabase } from 'rxdb/plugins/replication-supabase'
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory'
import type { Contact } from '../contacts.ts'
import { expectCount } from '../request.ts'
import { afterwards, noChangeFeed, policy, type Rival, stamped } from './rival.ts'

const text = { type: 'string' } as const
const schema = {
  version: 0,
  primaryKey: 'id',
  type: 'object',
  properties: {
    id: { type: 'string', maxLength: 40 },
    user_id: text,
    name: text,
    email: text,
    phone: { type: ['string', 'null'] },
    notes: text,
    tags: { type: 'array', items: text },
    address: { type: 'object' },
    favourite: { type: 'boolean' },
    balance: { type: 'number' },
    met_at: text,
  },
  required: ['id', 'user_id', 'name'],
} as const

/** PostgREST takes names in quotes, as RxDB writes them in `or`; the tables of the local stack do not. */
export function unquoted<Query extends { or(filters: string): Query }>({
  query,
}: {
  query: Query
}): Query {
  const or = query.or.bind(query)
  query.or = (filters) => or(filters.replaceAll('"', ''))
  return query
}

/**
 * RxDB with its plugin replication-supabase, in memory, as a single instance. Its defaults, but for the
 * page of a pull: a thousand rows, the most that the API gives at once, instead of a hundred.
 */
export const rxdb: Rival = {
  name: 'RxDB',
  table: 'rxdb',
  cannot: { realtime: noChangeFeed },

  async createTable(sql) {
    await sql.unsafe(`
      create table public.rxdb (
        like public.plain including all,
        _deleted boolean not null default false,
        _modified timestamptz not null default now()
      );
      alter table public.rxdb drop column version, drop column updated_at, drop column deleted_at;
      create index on public.rxdb (_modified, id);
      ${policy('rxdb')}
      ${stamped('rxdb', '_modified')}`)
  },

  async device({ client }) {
    const db = await createRxDatabase({
      name: crypto.randomUUID(),
      storage: getRxStorageMemory(),
      multiInstance: false,
    })
    const { contacts } = await db.addCollections({ contacts: { schema: structuredClone(schema) } })
    const collection = contacts!
    const replicate = async (way: object): Promise<number> => {
      let received = 0
      const state = replicateSupabase({
        replicationIdentifier: 'contacts',
        collection,
        // The same class, by the types of its CommonJS build.
        client: client as never,
        tableName: 'rxdb',
        live: false,
        waitForLeadership: false,
        ...way,
      })
      state.error$.subscribe((error) => {
        throw error
      })
      state.received$.subscribe(() => void received++)
      await state.awaitInitialReplication()
      return received
    }
    const pull = () => replicate({ pull: { batchSize: 1_000, queryBuilder: unquoted } })
    return {
      async download() {
        await pull()
        return collection.count().exec()
      },
      async write(rows: Contact[]) {
        const { error } = await collection.bulkInsert(rows)
        if (error.length > 0) throw new Error(`RxDB did not take ${error.length} rows`)
      },
      async upload() {
        await replicate({ push: {} })
      },
      pull: (change, count) =>
        afterwards(change, async () => expectCount('rows of RxDB', await pull(), count)),
      async poll() {
        await pull()
      },
      async close() {
        await db.close()
      },
    }
  },
}
