import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadKeys } from '../dev/keys.ts'
import type { StackInfo } from '../dev/stack.ts'
import { createTemplate } from '../fuzz/database.ts'
import { addCounts, type Played, playAll, type PlayOptions } from '../fuzz/play.ts'
import type { Break } from './breaks.ts'
import { ProofDatabase } from './database.ts'
import { type History, history } from './history.ts'
import { World } from './world.ts'

export interface ProveOptions extends PlayOptions {
  /** Data folder of a running stack. */
  dataDir: string
  /** A fault that is put in first. */
  broken?: Break | undefined
}

export type Proof = Played<History>

/** Plays random histories with the real client until one fails or all are done. */
export async function prove(options: ProveOptions): Promise<Proof> {
  const { dataDir, broken } = options
  const keys = await loadKeys(dataDir)
  const info = JSON.parse(await readFile(join(dataDir, 'stack.json'), 'utf8')) as StackInfo
  const template = await createTemplate(info.db_url, { broken: broken?.sql ?? '' })
  try {
    return await playAll(history, options, async (counts) => {
      const db = await ProofDatabase.create(info.db_url, keys, template)
      return {
        drop: () => db.drop(),
        async play(one) {
          const world = await World.create(db, keys, broken?.client)
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
