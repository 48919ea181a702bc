import { type Line, type Matrix, short } from './matrix.ts'
import { decades, dot, line, logScale, svg, text, ticks } from './svg.ts'

const panel = { width: 440, left: 150, right: 60, head: 46, row: 22 }

/** A panel for each activity: how many times Tidemark's time each contender took, on one axis for all. */
export function matrixChart(matrix: Matrix): string {
  const ratios = matrix.lines.flatMap(({ cells }) =>
    Object.values(cells).flatMap((cell) =>
      'ratio' in cell ? [cell.ratio.min, cell.ratio.max] : [],
    ),
  )
  const domain = decades([...ratios, 1])
  const height = panel.head + panel.row * matrix.contenders.length + 30
  const rows = Math.ceil(matrix.lines.length / 2)
  const body = [
    text(12, 24, 'head', 'Time beside Tidemark’s: further left is faster'),
    text(12, 42, 'note', 'median of the rounds, and the least and the most of them; logarithmic'),
    ...matrix.lines.flatMap((one, n) =>
      drawn(one, matrix.contenders, domain, (n % 2) * panel.width, 50 + Math.floor(n / 2) * height),
    ),
  ]
  const said = matrix.lines.map(({ title }) => title).join('; ')
  return svg(2 * panel.width, 60 + rows * height, 'Tidemark beside others', said, body)
}

function drawn(one: Line, names: string[], domain: [number, number], left: number, top: number) {
  const x = logScale(domain, [left + panel.left, left + panel.width - panel.right])
  const end = top + panel.head + panel.row * names.length
  return [
    text(left + 12, top + 24, 'head', one.title),
    ...ticks(domain).flatMap((tick) => [
      line(tick === 1 ? 'axis' : 'grid', x(tick), top + panel.head - 8, x(tick), end),
      text(x(tick), end + 14, 'note', `${tick}×`, 'middle'),
    ]),
    ...names.flatMap((name, n) => {
      const y = top + panel.head + panel.row * (n + 0.5) - 4
      const label = text(left + panel.left - 14, y + 4, 'name', name, 'end')
      const cell = one.cells[name]
      if (!cell || 'reason' in cell) return [label, text(x(domain[0]) + 4, y + 4, 'note', '–')]
      const kind = n === 0 ? 'ours' : 'other'
      const { median, min, max } = cell.ratio
      const amount = one.rows
        ? `${short((one.rows / cell.ms.median) * 1000)}/s`
        : `${short(cell.ms.median)} ms`
      return [
        label,
        line(kind, x(min), y, x(max), y),
        dot(kind, x(median), y, 4.5),
        text(left + panel.width - panel.right + 8, y + 4, 'note', amount),
      ]
    }),
  ]
}
