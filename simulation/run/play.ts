import fc from 'fast-check'

/** Where histories are played, one after the other. */
export interface Stage<History> {
  /** Throws what it finds wrong. */
  play: (one: History) => Promise<void>
  drop: () => Promise<void>
}

export interface PlayOptions {
  histories: number
  /** Worker n has the seed `seed + n`. */
  seed: number
  /** A failure's place, as fast-check prints it; with one worker. */
  path?: string | undefined
  /** Stages at the same time. */
  workers?: number | undefined
  /** Leaves a failing history as it is. */
  endOnFailure?: boolean | undefined
  /** Called after each history, those of shrinking too. */
  onHistory?: (done: number) => void
  /** Called when a history fails, before it is shrunk. */
  onFailure?: (failure: Omit<Failure<never>, 'history'>) => void
}

/** How to get a failure back, the shortest history that fails, and what it said. */
export interface Failure<History> {
  seed: number
  path: string
  history: History
  message: string
}

export interface Played<History> {
  seed: number
  /** Those that were played; where one failed, up to it. */
  histories: number
  seconds: number
  /** How often what happened. */
  counts: Map<string, number>
  failure?: Failure<History>
}

/** How many histories a stage takes: what they leave behind makes every further one slower. */
const PER_STAGE = 60

/** Plays random histories until one fails or all are done. */
export async function playAll<History>(
  history: fc.Arbitrary<History>,
  options: PlayOptions,
  open: (counts: Map<string, number>) => Promise<Stage<History>>,
): Promise<Played<History>> {
  const { histories, seed, path, endOnFailure = false, onHistory, onFailure } = options
  const workers = path ? 1 : Math.min(options.workers ?? 2, histories)
  const counts = new Map<string, number>()
  const start = performance.now()
  let failure: Failure<History> | undefined
  let done = 0
  /** The worker that met the first failure. The others end, and leave the machine to its shrinking. */
  let failing: number | undefined
  let played = histories

  async function work(worker: number): Promise<void> {
    const stages = stagesFrom(() => open(counts))
    const first = Number(path ?? 0)
    let met = 0
    const property = fc.asyncProperty(history, async (one) => {
      if (failing !== undefined && failing !== worker) return
      met++
      try {
        await (await stages.next()).play(one)
      } catch (error) {
        if (failing === undefined) {
          failing = worker
          played = done + 1
          const place = Number.isNaN(first) ? path! : `${first + met - 1}`
          onFailure?.({ seed: seed + worker, path: place, message: messageOf(error) })
        }
        // What a failed history leaves behind is not for the next one.
        await stages.drop()
        throw error
      } finally {
        onHistory?.(++done)
      }
    })
    try {
      const details = await fc.check(property, {
        numRuns: Math.floor(histories / workers) + (worker < histories % workers ? 1 : 0),
        seed: seed + worker,
        ...(path && { path }),
        endOnFailure,
      })
      if (details.failed)
        failure ??= {
          seed: seed + worker,
          path: details.counterexamplePath ?? '',
          history: details.counterexample![0],
          message: messageOf(details.errorInstance),
        }
    } finally {
      await stages.drop()
    }
  }
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)))
  const seconds = (performance.now() - start) / 1000
  return { seed, histories: played, seconds, counts, ...(failure && { failure }) }
}

/** One stage after the other. */
function stagesFrom<History>(open: () => Promise<Stage<History>>) {
  let stage: Stage<History> | undefined
  let played = 0
  async function drop(): Promise<void> {
    const last = stage
    stage = undefined
    played = 0
    await last?.drop()
  }
  async function next(): Promise<Stage<History>> {
    if (played++ === PER_STAGE) await drop()
    return (stage ??= await open())
  }
  return { next, drop }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** What a world has counted, on top of what others have. */
export function addCounts(to: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [name, n] of from) to.set(name, (to.get(name) ?? 0) + n)
}
