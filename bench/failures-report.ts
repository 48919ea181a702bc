import type { Failures } from './failures.ts'
import { markdownTable } from './table.ts'

/**
 * What was seen, as paragraphs of docs/proof.md.
 *
 * @param seen when and at which commit it was seen, as a sentence
 */
export const failuresSection = (figures: Failures, seen: string): string =>
  `\n\n${[seen, failuresTable(figures), ...reasons(figures)].join('\n\n')}\n\n`

function failuresTable({ contenders, lines }: Failures): string {
  const head = ['', ...contenders.map(({ name, version }) => `${name} ${version}`)]
  const rows = lines.map(({ title, cells }) => [
    title,
    ...contenders.map(({ name }) => {
      const { outcome, text } = cells[name]!
      if (outcome === 'not played') return '–'
      return outcome === 'right' ? text : `**${text}**`
    }),
  ])
  return markdownTable(head, rows, 'left')
}

/** Why something was not played, once for each contender and reason. */
function reasons({ contenders, lines }: Failures): string[] {
  const found = contenders.flatMap(({ name }) => {
    const cells = lines.map((line) => line.cells[name]!)
    const texts = cells.filter(({ outcome }) => outcome === 'not played').map(({ text }) => text)
    return [...new Set(texts)].map((text) => `- ${name}: ${text}`)
  })
  return found.length > 0 ? ['What is – was not played:', found.join('\n')] : []
}
