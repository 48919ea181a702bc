import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadKeys } from '../../dev/keys.ts'
import type { StackInfo } from '../../dev/stack.ts'
import type { Break } from '../breaks/break.ts'
import { Database } from '../database/database.ts'
import { Template } from '../database/template.ts'
import type { DriverName } from '../drivers/cast.ts'
import { ClientDriver } from '../drivers/client/driver.ts'
import { WireDriver } from '../drivers/wire/driver.ts'
import { histories, type History } from '../history/history.ts'
import { playHistory } from '../history/play.ts'
import { World } from '../world/world.ts'
import { casts } from '../drivers/cast.ts'
import { addCounts, type Played, playAll, type PlayOptions } from './play.ts'

const schema = ['schema.sql', 'questions.sql'].map(
  (name) => new URL(`../app/${name}`, import.meta.url),
)

/** How long a statement waits for a row, in milliseconds. What a client does at the same time may wait longer. */
const lockTimeouts: Record<DriverName, number> = { wire: 20, client: 100 }

export interface SimulateOptions extends PlayOptions {
  driver: DriverName
  /** Data folder of a running stack. */
  dataDir: string
  /** A database with the engine and the app; without it one is made, and dropped. */
  template?: Template | undefined
  /** Another folder of migrations than the project's own. */
  migrations?: string | undefined
  /** A fault that is put in first. */
  broken?: Break | undefined
}

export type Simulation = Played<History>

/** Plays random histories with a driver until one fails or all are done. */
export async function simulate(options: SimulateOptions): Promise<Simulation> {
  const { dataDir, broken, migrations } = options
  const given = options.template
  const sound = given ?? (await createTemplate(dataDir, migrations))
  const template = broken?.sql ? await sound.changed(broken.sql) : sound
  try {
    return await playOn(template, options)
  } finally {
    if (template !== sound) await template.drop()
    if (!given) await sound.drop()
  }
}

/** A database with the engine and the app, for several simulations. */
export async function createTemplate(dataDir: string, migrations?: string): Promise<Template> {
  const info = JSON.parse(await readFile(join(dataDir, 'stack.json'), 'utf8')) as StackInfo
  return Template.create({ serverUrl: info.db_url, schema, migrations })
}

async function playOn(template: Template, options: SimulateOptions): Promise<Simulation> {
  const { driver: name, dataDir, broken } = options
  const keys = await loadKeys(dataDir)
  return playAll(histories(name, broken?.focus), options, async (counts) => {
    const db = await Database.create(template, { keys, lockTimeout: lockTimeouts[name] })
    return {
      drop: () => db.drop(),
      async play(history) {
        const world = new World(db, casts[name].users)
        const { pageSize } = history
        const driver =
          name === 'wire'
            ? new WireDriver(world)
            : await ClientDriver.create(world, { keys, pageSize, alter: broken?.alter })
        try {
          await playHistory(driver, history)
        } finally {
          addCounts(counts, world.journal.counts)
        }
      },
    }
  })
}
