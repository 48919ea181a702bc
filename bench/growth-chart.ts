import type { Curve } from './growth.ts'
import { decades, dot, line, logScale, polyline, svg, text, ticks } from './svg.ts'

const panel = { width: 440, height: 250, left: 56, right: 24, top: 74, bottom: 40 }
const looks = ['ours', 'other', 'other']

/** One small panel for each thing that grows; the same scale of milliseconds for all. */
export function growthChart(curves: readonly Curve[]): string {
  const times = curves.flatMap(({ lines }) =>
    lines.flatMap(({ points }) => points.map(({ ms }) => ms)),
  )
  const domain = decades(times)
  const body = curves.flatMap((curve, n) =>
    drawn(curve, domain, (n % 2) * panel.width, 10 + Math.floor(n / 2) * panel.height),
  )
  const height = 20 + Math.ceil(curves.length / 2) * panel.height
  const said = curves.map(({ of }) => of).join('; ')
  return svg(2 * panel.width, height, 'How times grow', `Milliseconds by ${said}`, body)
}

function drawn(curve: Curve, domain: [number, number], left: number, top: number): string[] {
  const places = curve.lines.flatMap(({ points }) => points.map(({ at }) => at))
  const range: [number, number] = [Math.min(...places), Math.max(...places)]
  const x = logScale(range, [left + panel.left, left + panel.width - panel.right])
  const y = logScale(domain, [top + panel.height - panel.bottom, top + panel.top])
  return [
    text(left + 12, top + 20, 'head', `Milliseconds by ${curve.of}`),
    ...ticks(domain).flatMap((tick) => [
      line('grid', left + panel.left, y(tick), left + panel.width - panel.right, y(tick)),
      text(left + panel.left - 8, y(tick) + 4, 'note', tick.toLocaleString('en'), 'end'),
    ]),
    ...[...new Set(places)].map((place) =>
      text(x(place), top + panel.height - panel.bottom + 16, 'note', compact(place), 'middle'),
    ),
    ...curve.lines.flatMap(({ name, points }, n) => {
      const kind = looks[n]!
      const label = left + 12 + n * 130
      const at = points.map(({ at, ms }) => [x(at), y(ms)] as const)
      return [
        ...legend(kind, n, label, top + 42, name),
        n === 2 ? dashed(polyline(kind, at)) : polyline(kind, at),
        ...at.map(([cx, cy]) => dot(kind, cx, cy, 3)),
      ]
    }),
  ]
}

function legend(kind: string, n: number, x: number, y: number, name: string): string[] {
  const key = polyline(kind, [
    [x, y - 4],
    [x + 18, y - 4],
  ])
  return [n === 2 ? dashed(key) : key, text(x + 24, y, 'note', name)]
}

const dashed = (element: string): string =>
  element.replace('style="', 'style="stroke-dasharray: 5 4; ')

const compact = (value: number): string =>
  value.toLocaleString('en', { notation: 'compact' }).replace('K', ' k').replace('M', ' M')
