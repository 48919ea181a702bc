import { createSync, memoryStorage } from '../../client/src/index.ts'
import type { Contender, Note } from './contender.ts'

/** This project's client. Its scopes are the lists: see `createLists`. */
export const tidemark = (members: string): Contender => ({
  name: 'Tidemark',

  async prepare(sql, table) {
    await sql`select tidemark.add_table(${`public.${table}`}, ${`${members}:list_id`})`
  },

  softDelete: (sql, table, id) => sql`
    update ${sql(table)} set deleted_at = now() where id = ${id}`,

  device(table) {
    const storage = memoryStorage()
    const errors: string[] = []
    let open: ReturnType<typeof createSync> | undefined
    const sync = () => open!
    const rows = () => sync().table(table)
    return {
      async start(supabase) {
        open = createSync({ supabase, tables: [table], storage, backoff: { retries: 0 } })
        await open.ready()
      },
      async sync() {
        await sync()
          .sync()
          .catch((error: unknown) => errors.push(String(error)))
      },
      stop: () => sync().close(),
      async insert(note) {
        await rows().insert({ ...note })
      },
      async rename(id, title) {
        await rows().update(id, { title })
      },
      rows: async () => (await rows().list()) as unknown as Note[],
      async told() {
        const failed = await sync().queue.list({ status: 'failed' })
        return [...errors, ...failed.map(({ id }) => `refused: ${id}`)]
      },
    }
  },
})
