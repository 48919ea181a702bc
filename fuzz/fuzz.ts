import { createTemplate } from './database.ts'
import { type History, history } from './history.ts'
import { addCounts, type Played, playAll, type PlayOptions } from './play.ts'
import { World } from './world.ts'

export interface FuzzOptions extends PlayOptions {
  /** Owner's connection to a server with the roles of a Supabase project. */
  serverUrl: string
  /** SQL that breaks the engine first. */
  broken?: string | undefined
  /** Another folder than the project's own. */
  migrations?: string | undefined
}

/** Plays random histories of the SQL engine until one fails or all are done. */
export async function fuzz(options: FuzzOptions): Promise<Played<History>> {
  const { serverUrl, broken, migrations } = options
  const template = await createTemplate(serverUrl, {
    ...(broken && { broken }),
    ...(migrations && { migrations }),
  })
  try {
    return await playAll(history, options, async (counts) => {
      const db = await template.copy()
      return {
        drop: db.drop,
        async play(one) {
          const world = new World(db)
          try {
            await world.run(one)
          } finally {
            addCounts(counts, world.journal.counts)
          }
        },
      }
    })
  } finally {
    await template.drop()
  }
}
