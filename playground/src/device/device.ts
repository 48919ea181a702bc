import { createClient } from '@supabase/supabase-js'
import {
  createSync,
  functionsTransport,
  indexedDbStorage,
  type Mode,
  type Sync,
} from '../../../client/src/index.ts'
import { watchTransport, type Wire } from '../inspector/watch.ts'
import { type Person, signIn } from '../people.ts'
import { labelOf, type Project } from '../project.ts'
import { TABLES } from '../schema.ts'
import { type Conditions, createConditions } from './conditions.ts'
import { createStory, follow, type Story } from './story.ts'

/** How a device syncs without being asked, as the page offers it. */
export const MODES = {
  live: ['auto', 'realtime', 'on-reconnect'],
  manual: ['manual'],
  auto: ['auto'],
  periodic: ['periodic'],
  realtime: ['realtime'],
  'on-reconnect': ['on-reconnect'],
} as const satisfies Record<string, readonly Mode[]>

export type ModeName = keyof typeof MODES

/** What stays the same when a device is killed and started again. */
export interface Housing {
  project: Project
  person: Person
  /** Unique in the page. */
  name: string
  conditions: Conditions
  story: Story
  mode: ModeName
}

/** A device that runs. */
export interface Device {
  /** Another one after each start. */
  number: number
  housing: Housing
  sync: Sync
  wire: Wire
  userId: string
  /** What is stored stays, what is under way does not come to its end. */
  close(): Promise<void>
}

export const createHousing = (project: Project, person: Person, name: string): Housing => ({
  project,
  person,
  name,
  conditions: createConditions(),
  story: createStory(),
  mode: 'live',
})

let started = 0

/** Switches a device on: a client, a session and an IndexedDB database of its own. */
export async function start(housing: Housing): Promise<Device> {
  const { project, person, name, conditions, story } = housing
  const store = `tidemark-playground-${labelOf(project)}-${name}`
  const supabase = createClient(project.url, project.key, {
    auth: { storageKey: `${store}-session`, detectSessionInUrl: false },
    global: { fetch: (input, init) => conditions.fetch(input, init) },
  })
  const userId = await signIn(supabase, person)
  const { transport, wire } = watchTransport(functionsTransport(supabase))
  const sync = createSync({
    supabase,
    transport,
    storage: indexedDbStorage(store),
    tables: Object.values(TABLES),
    mode: MODES[housing.mode],
    network: conditions.network,
    clock: conditions.clock,
    backoff: { retries: 2 },
    interval: 10_000,
    device: { name, platform: 'playground' },
  })
  const unfollow = follow(sync, wire, story)
  await sync.ready()
  return {
    number: ++started,
    housing,
    sync,
    wire,
    userId,
    async close() {
      unfollow()
      await sync.close()
      await supabase.removeAllChannels()
      await supabase.auth.stopAutoRefresh()
    },
  }
}
