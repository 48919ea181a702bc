/** What all charts share: type, and colours for light and dark. */
export function svg(width: number, height: number, title: string, text: string, body: string[]) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title text" font-family="ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif">
  <title id="title">${escaped(title)}</title>
  <desc id="text">${escaped(text)}</desc>
  <style>
    .ground { fill: #ffffff }
    .head { fill: #17242d; font-size: 14px; font-weight: 600 }
    .name { fill: #17242d; font-size: 12px }
    .note { fill: #566773; font-size: 11px }
    .grid { stroke: #dfe6eb; stroke-width: 1 }
    .axis { stroke: #90a4b2; stroke-width: 1 }
    .ours { fill: #1f9d76; stroke: #1f9d76 }
    .other { fill: #56707f; stroke: #56707f }
    .line { fill: none; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1418 }
      .head, .name { fill: #e8eef2 }
      .note { fill: #9fb0bb }
      .grid { stroke: #253139 }
      .axis { stroke: #5b7180 }
      .ours { fill: #35c295; stroke: #35c295 }
      .other { fill: #9fb6c4; stroke: #9fb6c4 }
    }
  </style>
  <rect class="ground" width="${width}" height="${height}"/>
${body.map((element) => `  ${element}`).join('\n')}
</svg>
`
}

export function text(x: number, y: number, kind: string, content: string, anchor = 'start') {
  return `<text class="${kind}" x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${escaped(content)}</text>`
}

export function line(kind: string, x1: number, y1: number, x2: number, y2: number) {
  return `<line class="${kind}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`
}

export const dot = (kind: string, x: number, y: number, radius: number) =>
  `<circle class="${kind}" cx="${at(x)}" cy="${at(y)}" r="${radius}"/>`

export const polyline = (kind: string, points: readonly (readonly [number, number])[]) =>
  `<polyline class="line ${kind}" style="fill: none" points="${points.map(([x, y]) => `${at(x)},${at(y)}`).join(' ')}"/>`

/** Places values on a logarithmic axis. */
export function logScale([low, high]: [number, number], [from, to]: [number, number]) {
  const span = Math.log(high / low) || 1
  return (value: number) => from + ((to - from) * Math.log(value / low)) / span
}

/** Powers of ten that take all values in. */
export function decades(values: readonly number[]): [number, number] {
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)))
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)))
  return [low, high === low ? low * 10 : high]
}

/** Every power of ten from one to the other. */
export function ticks([low, high]: [number, number]): number[] {
  const count = Math.round(Math.log10(high / low))
  return Array.from({ length: count + 1 }, (_, n) => Number((low * 10 ** n).toPrecision(6)))
}

const at = (value: number): number => Math.round(value * 10) / 10
const escaped = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
