import type { Sql } from 'postgres'
import type { TestUser } from '../dev/testing.ts'

/** What is asked of a ratio: a speed is raw time by ours, a cost is ours by raw. */
export type Bound = { atLeast: number; aim?: number } | { atMost: number; aim?: number }

/** One line of the table. */
export interface Result {
  subject: string
  measure: string
  unit: string
  /** Medians. Null where there is nothing to compare with. */
  raw: number | null
  ours: number
  /** Of all rounds: the median, and the quartiles as the spread. */
  ratio: number | null
  spread: [number, number] | null
  wanted: Bound | null
  met: boolean | null
}

/** What a subject finds when it starts: a stack of its own, with nothing in it. */
export interface Bench {
  /** The owner's connections. */
  sql: Sql
  rounds: number
  /** Whether sizes are to be small too. */
  quick: boolean
  /** Beginnings of the names of those to run beside Tidemark; all where it is missing. */
  contenders?: readonly string[] | undefined
  createUser(): Promise<TestUser>
  /** @param done share of the subject's work that is behind, 0 to 1, where that is known */
  progress(text: string, done?: number): void
}

/** What a subject found that is not lines of the one table. */
export interface Outcome {
  results: Result[]
  /** Goes into the subject's json as it is. */
  figures: object
  /** The figures for people at a terminal. */
  text: string
}

export interface Subject {
  name: string
  /** Whether it goes through the gateway and the functions, or straight to the database. */
  serves: 'database' | 'api'
  run(bench: Bench): Promise<Result[] | Outcome>
}

/** The first, which is Tidemark, and those that were asked for. Throws where one is not there. */
export function chosen<Contender extends { name: string }>(
  all: readonly Contender[],
  beginnings: readonly string[] | undefined,
): Contender[] {
  if (!beginnings) return [...all]
  const is = ({ name }: Contender, beginning: string): boolean =>
    name.toLowerCase().startsWith(beginning.toLowerCase())
  const unknown = beginnings.find((beginning) => !all.some((one) => is(one, beginning)))
  if (unknown !== undefined)
    throw new Error(
      `no contender "${unknown}": there are ${all.map(({ name }) => name).join(', ')}`,
    )
  return all.filter((one, at) => at === 0 || beginnings.some((beginning) => is(one, beginning)))
}
