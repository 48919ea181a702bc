import { IDBFactory } from 'fake-indexeddb'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { startZero, zeroFolder } from '../rivals/zero-cache.ts'
import { type Contender, type Note } from './contender.ts'
import { within } from './within.ts'
import { ZeroLine } from './zero-line.ts'

/** What zero/notes-client.js exports. */
interface NotesClient {
  openNotes(options: {
    cacheURL: string
    userID: string
    auth: string
    storageKey: string
    names: { notes: string; members: string }
    told(error: string): void
  }): {
    state(): string
    isComplete(): boolean
    rows(): readonly Note[]
    resume(): Promise<void>
    insert(note: Note): Promise<void>
    rename(id: string, title: string): Promise<void>
    close(): Promise<void>
  }
}

/** Milliseconds in which it is connected again: it tries every five seconds, which cannot be set. */
const RECONNECT = 8_000

/** Milliseconds after which all is in IndexedDB: it writes there when it has been idle for a second. */
const STORED = 2_000

/**
 * Zero with its zero-cache and an app server for its mutators and queries, in an IndexedDB that outlives the
 * app. Where it stops trying and waits for the app, the app does what Zero's documentation says.
 */
export const zero = (members: string): Contender => {
  const line = new ZeroLine()
  let cacheURL = ''
  let stop = async (): Promise<void> => {}
  let others: PropertyDescriptor | undefined
  return {
    name: 'Zero',
    package: 'bench/zero/node_modules/@rocicorp/zero',
    cannot: { mark: 'it prescribes no mark: rows are deleted' },

    async prepare(_sql, table) {
      others = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB')
      const started = await startZero({
        tables: [table, members],
        env: { NOTES: JSON.stringify({ notes: table, members }) },
        quiet: true,
        reach: (port) => line.toApp(port),
      })
      stop = started.stop
      cacheURL = await line.toCache(started.cacheURL)
    },

    async end() {
      line.close()
      await stop()
      if (others) Object.defineProperty(globalThis, 'indexedDB', others)
      else Reflect.deleteProperty(globalThis, 'indexedDB')
    },

    device(table, network) {
      const storageKey = crypto.randomUUID()
      const indexedDB = new IDBFactory()
      const errors: string[] = []
      let notes: ReturnType<NotesClient['openNotes']> | undefined
      network.onFault = (fault) => {
        if (fault === 'offline') line.cut()
      }
      return {
        async start(client) {
          line.network = network
          const { data } = await client.auth.getSession()
          const { user, access_token: auth } = data.session!
          // It looks nowhere else for it.
          Object.assign(globalThis, { indexedDB })
          const entry = pathToFileURL(join(zeroFolder, 'notes-client.js')).href
          const { openNotes } = (await import(entry)) as NotesClient
          const names = { notes: table, members }
          const told = (error: string): void => void errors.push(error)
          notes = openNotes({ cacheURL, userID: user.id, auth, storageKey, names, told })
        },
        async sync() {
          if (/error|needs-auth/.test(notes!.state())) await notes!.resume()
          if (network.fault) return
          await within(RECONNECT, async () => notes!.state() === 'connected' && notes!.isComplete())
        },
        async stop() {
          await pause(STORED)
          line.cut()
          await notes!.close()
        },
        insert: (note) => notes!.insert(note),
        rename: (id, title) => notes!.rename(id, title),
        rows: async () => [...notes!.rows()],
        told: async () => errors,
      }
    },
  }
}
