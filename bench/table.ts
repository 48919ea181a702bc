import type { Bound, Result } from './subject.ts'

/** The results as cells under a head; what is not met has a mark at its end. */
export function resultRows(results: Result[]): string[][] {
  const head = ['measure', 'raw', 'ours', 'ratio', 'spread', 'wanted']
  const lines = results.map((result) => [
    result.measure,
    result.raw === null ? '' : amount(result.raw, result.unit),
    amount(result.ours, result.unit),
    result.ratio === null ? '' : result.ratio.toFixed(2),
    result.spread === null ? '' : result.spread.map((end) => end.toFixed(2)).join(' – '),
    wanted(result.wanted) + (result.met === false ? '  ✗ missed' : ''),
  ])
  return [head, ...lines]
}

/** Cells as markdown: figures to the right of their columns, words to the left. */
export function markdownTable(
  head: string[],
  rows: string[][],
  side: 'left' | 'right' = 'right',
): string {
  const rule = side === 'left' ? '---' : '--:'
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : rule)), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The results of many subjects as aligned text. */
export function table(results: Result[]): string {
  return textTable(
    resultRows(
      results.map((result) => ({ ...result, measure: `${result.subject}: ${result.measure}` })),
    ),
  )
}

/** Lines of cells as aligned text: the first and the last cell are words, those between are numbers. */
export function textTable(lines: string[][]): string {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  const isNumber = (i: number) => i > 0 && i < widths.length - 1
  return lines
    .map((line) =>
      line
        .map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function wanted(bound: Bound | null): string {
  if (!bound) return ''
  const [sign, value] = 'atLeast' in bound ? ['≥', bound.atLeast] : ['≤', bound.atMost]
  return `${sign} ${value}${bound.aim === undefined ? '' : `, aim ${bound.aim}`}`
}

function amount(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  const number = value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
  return `${number} ${unit}`
}
