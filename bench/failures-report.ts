import type { Failures } from './failures.ts'
import { markdownTable } from './table.ts'

/**
 * What was seen, as paragraphs of docs/proof.md.
 *
 * @param seen when and at which commit it was seen, as a sentence
 */
export const failuresSection = (figures: Failures, seen: string): string =>
  `\n\n${seen}\n\n${failuresTable(figures)}\n\n`

function failuresTable({ contenders, lines }: Failures): string {
  const head = ['', ...contenders.map(({ name, version }) => `${name} ${version}`)]
  const rows = lines.map(({ title, cells }) => [
    title,
    ...contenders.map(({ name }) => {
      const { outcome, text } = cells[name]!
      return outcome === 'right' ? text : `**${text}**`
    }),
  ])
  return markdownTable(head, rows, 'left')
}
