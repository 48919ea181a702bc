import type { Activity } from './rivals/rival.ts'

/** The median of the rounds, with the least and the most. */
export interface Spread {
  median: number
  min: number
  max: number
}

/** One contender at one activity: its times, or why there are none. */
export type Cell =
  | {
      /** Milliseconds of one run. */
      ms: Spread
      /** Its time by Tidemark's of the same round: 2 took twice as long. */
      ratio: Spread
    }
  | { reason: string }

export interface Line {
  activity: Activity
  title: string
  /** Rows moved in one run; the table then shows rows per second. */
  rows?: number
  cells: Record<string, Cell>
}

/** Everything that was measured side by side, in the order of columns and rows. */
export interface Matrix {
  contenders: string[]
  lines: Line[]
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)! }
}

/** @param times milliseconds by round @param ours those of Tidemark in the same rounds */
export function cell(times: readonly number[], ours: readonly number[]): Cell {
  return { ms: spread(times), ratio: spread(times.map((time, round) => time / ours[round]!)) }
}

/** What a cell says: the amount, and beside it how its time compares to Tidemark's. */
export function cellText(line: Line, contender: string): string {
  const found = line.cells[contender]
  if (!found || 'reason' in found) return '–'
  const { ms, ratio } = found
  const amount = line.rows
    ? `${whole((line.rows / ms.median) * 1000)} rows/s`
    : `${short(ms.median)} ms`
  if (ratio.min === 1 && ratio.max === 1) return amount
  return `${amount} · ${short(ratio.median)}× (${short(ratio.min)}–${short(ratio.max)})`
}

/** Each reason once, with what it is about. */
export function reasons({ contenders, lines }: Matrix): string[] {
  const found = new Map<string, string[]>()
  for (const name of contenders)
    for (const { cells, title } of lines) {
      const one = cells[name]
      if (!one || !('reason' in one)) continue
      const key = `${name}: ${one.reason}`
      found.set(key, [...(found.get(key) ?? []), title])
    }
  return [...found].map(([key, titles]) => `${key} (${titles.join(', ')})`)
}

/** The table for people at a terminal. */
export function matrixText(matrix: Matrix): string {
  const head = ['', ...matrix.contenders]
  const body = matrix.lines.map((line) => [
    line.title,
    ...matrix.contenders.map((name) => cellText(line, name)),
  ])
  const widths = head.map((_, i) => Math.max(...[head, ...body].map((line) => line[i]!.length)))
  return [
    ...[head, ...body].map((line) =>
      line
        .map((text, i) => text.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    ),
    ...reasons(matrix).map((reason) => `– ${reason}`),
  ].join('\n')
}

export function whole(value: number): string {
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 2)
  return (Math.round(value / digits) * digits).toLocaleString('en')
}

/** To two digits or the whole number: more would say more than is known. */
export function short(value: number): string {
  return value >= 100 ? whole(value) : value >= 10 ? value.toFixed(0) : value.toPrecision(2)
}
