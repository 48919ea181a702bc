import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Contact } from '../contacts.ts'
import type { Rival } from './rival.ts'
import { startZero, zeroFolder } from './zero-cache.ts'

/** What zero/client.js exports. */
interface ZeroClient {
  open(options: { cacheURL: string; userID: string; auth: string }): {
    download(): Promise<number>
    watch(listener: (rows: { id: string; notes: string }[]) => void): () => void
    insert(row: object): Promise<void>
    close(): Promise<void>
  }
}

let cacheURL = ''

/** Zero with its zero-cache and a small app server, as processes beside the stack, on its Postgres. */
export const zero: Rival = {
  name: 'Zero',
  table: 'zero',
  cannot: { poll: 'nothing is asked for: the server sends' },

  async createTable(sql) {
    // An array column made by `like` has no dimension in the catalogue, which zero-cache refuses.
    await sql.unsafe(`
      create table public.zero (like public.plain including all);
      alter table public.zero
        drop column version, drop column updated_at, drop column deleted_at, drop column tags;
      alter table public.zero add column tags text[] not null default '{}';
      grant select, insert, update on public.zero to authenticated;`)
  },

  async start() {
    const started = await startZero({ tables: ['zero'] })
    cacheURL = started.cacheURL
    return started.stop
  },

  async device({ id, accessToken }) {
    const entry = pathToFileURL(join(zeroFolder, 'client.js')).href
    const { open } = (await import(entry)) as ZeroClient
    const client = open({ cacheURL, userID: id, auth: accessToken })
    let waiting: Contact[] = []
    let end = () => {}
    return {
      download: client.download,
      async write(contacts) {
        waiting = contacts
      },
      // Its times are numbers.
      upload: async () => {
        await Promise.all(
          waiting.map((row) => client.insert({ ...row, met_at: Date.parse(row.met_at) })),
        )
      },
      async pull(change, count) {
        const complete = Promise.withResolvers<void>()
        const arrived = Promise.withResolvers<number>()
        let before: Map<string, string> | undefined
        end = client.watch((rows) => {
          before ??= new Map(rows.map(({ id, notes }) => [id, notes]))
          complete.resolve()
          if (rows.filter(({ id, notes }) => before!.get(id) !== notes).length === count)
            arrived.resolve(performance.now())
        })
        await complete.promise
        await change()
        const start = performance.now()
        const time = (await arrived.promise) - start
        end()
        end = () => {}
        return Math.max(0, time)
      },
      async listen(listener) {
        await client.download()
        end = client.watch((rows) => listener((id) => rows.some((row) => row.id === id)))
      },
      async close() {
        end()
        await client.close()
      },
    }
  },
}
