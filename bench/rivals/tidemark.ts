import { createSync } from '../../client/src/index.ts'
import { expectCount } from '../request.ts'
import { afterwards, type Rival } from './rival.ts'

/** The client as an app has it, in memory. */
export const tidemark: Rival = {
  name: 'Tidemark',
  table: 'contacts',
  cannot: {},

  async device({ client }) {
    const open = (mode: 'manual' | 'realtime') =>
      createSync({ supabase: client, tables: ['contacts'], mode })
    let sync = open('manual')
    await sync.ready()
    const rows = () => sync.table('contacts')
    return {
      async download() {
        await sync.pull()
        return (await rows().list()).length
      },
      async write(contacts) {
        await rows().insertMany(contacts.map((contact) => ({ ...contact })))
      },
      async upload() {
        expectCount('edits refused', (await sync.push()).rejected, 0)
      },
      pull: (change, count) =>
        afterwards(change, async () =>
          expectCount('rows pulled', (await sync.pull()).pulled, count),
        ),
      async poll() {
        expectCount('news', (await sync.pull()).pulled, 0)
      },
      async listen(listener) {
        await sync.close()
        sync = open('realtime')
        rows().subscribe((all) => listener((id) => all.some((row) => row.id === id)))
        await sync.ready()
      },
      close: async () => {
        await sync.close()
      },
    }
  },
}
