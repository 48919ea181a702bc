import fc from 'fast-check'
import { createDatabase, type Database } from './database.ts'
import { type History, history } from './history.ts'
import { World } from './world.ts'

export interface FuzzOptions {
  /** Owner's connection to a server with the roles of a Supabase project. */
  serverUrl: string
  runs: number
  seed: number
  /** A failure's place, as fast-check prints it. */
  path?: string | undefined
  /** Databases, each with histories of its own, at the same time. */
  workers?: number
  /** Leaves a failing history as it is. */
  endOnFailure?: boolean
  /** SQL that breaks the engine first. */
  broken?: string | undefined
  /** Another folder than the project's own. */
  migrations?: string | undefined
}

export interface Report {
  seconds: number
  counts: Map<string, number>
  /** The first failure: how to get it back, the shortest history that fails, and what it said. */
  failure?: { seed: number; path: string; history: History; message: string }
}

/** Runs random histories until one fails or all are done. Worker n has the seed `seed + n`. */
export async function fuzz(options: FuzzOptions): Promise<Report> {
  const { serverUrl, runs, seed, path, broken, migrations } = options
  const workers = path ? 1 : Math.min(options.workers ?? 3, runs)
  const counts = new Map<string, number>()
  const start = performance.now()
  let failure: Report['failure']

  const work = async (worker: number) => {
    const db = await createDatabase(serverUrl, {
      ...(broken && { broken }),
      ...(migrations && { migrations }),
    })
    try {
      const numRuns = Math.floor(runs / workers) + (worker < runs % workers ? 1 : 0)
      const parameters = {
        numRuns,
        seed: seed + worker,
        ...(path && { path }),
        endOnFailure: options.endOnFailure ?? false,
      }
      const property = fc.asyncProperty(history, async (one) => {
        if (failure) return
        await play(db, one, counts)
      })
      const details = await fc.check(property, parameters)
      if (details.failed && !failure)
        failure = {
          seed: seed + worker,
          path: details.counterexamplePath ?? '',
          history: details.counterexample![0],
          message: String((details.errorInstance as Error | undefined)?.message),
        }
    } finally {
      await db.drop()
    }
  }
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  return { seconds: (performance.now() - start) / 1000, counts, ...(failure && { failure }) }
}

async function play(db: Database, one: History, counts: Map<string, number>): Promise<void> {
  const world = new World(db)
  try {
    await world.run(one)
  } finally {
    for (const [name, n] of world.counts) counts.set(name, (counts.get(name) ?? 0) + n)
  }
}
