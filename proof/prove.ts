import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { loadKeys } from '../dev/keys.ts'
import type { StackInfo } from '../dev/stack.ts'
import { createTemplate } from '../fuzz/database.ts'
import { ProofDatabase } from './database.ts'
import { type History, history } from './history.ts'
import { World } from './world.ts'

export interface ProveOptions {
  /** Data folder of a running stack. */
  dataDir: string
  histories: number
  seed: number
  /** A failure's place, as fast-check prints it. */
  path?: string | undefined
  workers?: number
  /** Leaves a failing history as it is. */
  endOnFailure?: boolean
  /** SQL that breaks the engine first. */
  broken?: string | undefined
  /** Called after each history, those of shrinking too. */
  onHistory?: (done: number) => void
  /** Called when a history fails, before it is shrunk. */
  onFailure?: (failure: { seed: number; path: string; message: string }) => void
}

export interface Proof {
  seed: number
  histories: number
  seconds: number
  /** How often what happened: operations, faults. */
  counts: Map<string, number>
  /** The first failure: how to get it back, the shortest history that fails, and what it said. */
  failure?: { seed: number; path: string; history: History; message: string }
}

/** How many histories a database takes: what they leave behind makes every further one slower. */
const PER_DATABASE = 60

/** Plays random histories with the real client until one fails or all are done. Worker n has the seed `seed + n`. */
export async function prove(options: ProveOptions): Promise<Proof> {
  const { dataDir, histories, seed, path, broken = '', onHistory, onFailure } = options
  const workers = path ? 1 : Math.min(options.workers ?? 2, histories)
  const keys = await loadKeys(dataDir)
  const info = JSON.parse(await readFile(join(dataDir, 'stack.json'), 'utf8')) as StackInfo
  const template = await createTemplate(info.db_url, { broken })
  const counts = new Map<string, number>()
  const start = performance.now()
  let failure: Proof['failure']
  let done = 0
  /** The worker that met the first failure. The others end, and leave the machine to its shrinking. */
  let failing: number | undefined

  const work = async (worker: number): Promise<void> => {
    let db: ProofDatabase | undefined
    let played = 0
    let met = 0
    try {
      const anew = async (): Promise<void> => {
        await db?.drop()
        db = await ProofDatabase.create(info.db_url, keys, template)
      }
      const play = async (one: History): Promise<void> => {
        const world = await World.create(db!, keys)
        try {
          await world.run(one)
        } finally {
          for (const [name, n] of world.counts) counts.set(name, (counts.get(name) ?? 0) + n)
        }
      }
      const property = fc.asyncProperty(history, async (one) => {
        if (failing !== undefined && failing !== worker) return
        met++
        if (played++ % PER_DATABASE === 0) await anew()
        try {
          await play(one)
        } catch (error) {
          if (failing === undefined) {
            failing = worker
            onFailure?.({
              seed: seed + worker,
              path: path?.includes(':') ? path : `${Number(path ?? 0) + met - 1}`,
              message: String(error),
            })
          }
          // What a failed history leaves behind is not for the next one.
          played = 0
          throw error
        } finally {
          onHistory?.(++done)
        }
      })
      const details = await fc.check(property, {
        numRuns: Math.floor(histories / workers) + (worker < histories % workers ? 1 : 0),
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
      await db?.drop()
    }
  }
  try {
    await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  } finally {
    await template.drop()
  }
  const seconds = (performance.now() - start) / 1000
  return { seed, histories, seconds, counts, ...(failure && { failure }) }
}
