import fc from 'fast-check'
import { createTemplate, type Database, type Template } from './database.ts'
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
  /** Called after each history, those of shrinking too. `failing`: one failed, and shorter ones are tried. */
  onHistory?: (done: number, failing: boolean) => void
}

/** How many histories a database takes: what they leave behind makes every further one slower. */
const PER_DATABASE = 100

export interface Report {
  seconds: number
  counts: Map<string, number>
  /** The first failure: how to get it back, the shortest history that fails, and what it said. */
  failure?: { seed: number; path: string; history: History; message: string }
}

/** Runs random histories until one fails or all are done. Worker n has the seed `seed + n`. */
export async function fuzz(options: FuzzOptions): Promise<Report> {
  const { serverUrl, runs, seed, path, broken, migrations, onHistory } = options
  const workers = path ? 1 : Math.min(options.workers ?? 3, runs)
  const counts = new Map<string, number>()
  const start = performance.now()
  let failure: Report['failure']

  const template = await createTemplate(serverUrl, {
    ...(broken && { broken }),
    ...(migrations && { migrations }),
  })
  let done = 0
  let failing = false
  const work = async (worker: number) => {
    const databases = new Databases(template)
    try {
      const property = fc.asyncProperty(history, async (one) => {
        if (failure) return
        try {
          await play(await databases.next(), one, counts)
        } catch (error) {
          failing = true
          throw error
        } finally {
          onHistory?.(++done, failing)
        }
      })
      const details = await fc.check(property, {
        numRuns: Math.floor(runs / workers) + (worker < runs % workers ? 1 : 0),
        seed: seed + worker,
        ...(path && { path }),
        endOnFailure: options.endOnFailure ?? false,
      })
      if (details.failed && !failure)
        failure = {
          seed: seed + worker,
          path: details.counterexamplePath ?? '',
          history: details.counterexample![0],
          message: String((details.errorInstance as Error | undefined)?.message),
        }
    } finally {
      await databases.drop()
    }
  }
  try {
    await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  } finally {
    await template.drop()
  }
  return { seconds: (performance.now() - start) / 1000, counts, ...(failure && { failure }) }
}

/** One database after the other. */
class Databases {
  readonly #template: Template
  #database: Database | undefined
  #histories = 0

  constructor(template: Template) {
    this.#template = template
  }

  async next(): Promise<Database> {
    if (this.#histories === PER_DATABASE) await this.drop()
    this.#histories++
    return (this.#database ??= await this.#template.copy())
  }

  async drop(): Promise<void> {
    await this.#database?.drop()
    this.#database = undefined
    this.#histories = 0
  }
}

async function play(db: Database, one: History, counts: Map<string, number>): Promise<void> {
  const world = new World(db)
  try {
    await world.run(one)
  } finally {
    for (const [name, n] of world.counts) counts.set(name, (counts.get(name) ?? 0) + n)
  }
}
