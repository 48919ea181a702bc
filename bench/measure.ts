import type { Bench, Bound, Result } from './subject.ts'

/** Runs one side once and resolves to its milliseconds, without what it prepares and checks. */
export type Side = (round: number) => Promise<number>

interface Comparison {
  subject: string
  measure: string
  raw: Side
  ours: Side
  /** Rows in one run: the table then shows rows per second instead of milliseconds. */
  rows?: number
  /** Runs that one time stands for: milliseconds are those of one. */
  runs?: number
  /** How the ratio reads; a bound says it by itself. */
  as?: 'speed' | 'cost'
  wanted?: Bound
}

/**
 * Both sides in turns, after one round to warm up: what else the machine does hits both alike, so the
 * ratio inside a round says more than either time.
 */
export async function compare(bench: Bench, comparison: Comparison): Promise<Result> {
  const { subject, measure, rows, runs = 1, wanted } = comparison
  const raw: number[] = []
  const ours: number[] = []
  for (let round = 0; round <= bench.rounds; round++) {
    bench.progress(
      round ? `${measure}, round ${round} of ${bench.rounds}` : `${measure}, warming up`,
    )
    const first = round % 2 ? comparison.raw : comparison.ours
    const second = round % 2 ? comparison.ours : comparison.raw
    const times = [await first(round), await second(round)]
    if (round === 0) continue
    raw.push(times[round % 2 ? 0 : 1]!)
    ours.push(times[round % 2 ? 1 : 0]!)
  }
  const asCost = comparison.as === 'cost' || (wanted !== undefined && 'atMost' in wanted)
  const ratios = raw.map((time, i) => (asCost ? ours[i]! / time : time / ours[i]!))
  const shown = (times: number[]) => (rows ? (rows / median(times)) * 1000 : median(times) / runs)
  return {
    subject,
    measure,
    unit: rows ? 'rows/s' : 'ms',
    raw: shown(raw),
    ours: shown(ours),
    ...judge(ratios, wanted),
  }
}

/** A size or a time that has no other side. */
export function single(
  line: Pick<Result, 'subject' | 'measure' | 'unit' | 'ours'> & { wanted?: Bound },
): Result {
  const { wanted = null } = line
  return {
    ...line,
    raw: null,
    ratio: null,
    spread: null,
    wanted,
    met: wanted && meets(line.ours, wanted),
  }
}

export async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

function judge(ratios: number[], wanted: Bound | undefined) {
  const ratio = median(ratios)
  return {
    ratio,
    spread: [quantile(ratios, 0.25), quantile(ratios, 0.75)] as [number, number],
    wanted: wanted ?? null,
    met: wanted ? meets(ratio, wanted) : null,
  }
}

function meets(value: number, bound: Bound): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost
}

export const median = (values: number[]): number => quantile(values, 0.5)

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)]!
  return below + (sorted[Math.ceil(place)]! - below) * (place % 1)
}
