import type { Failures } from './failures.ts'
import { markdownTable } from './table.ts'

const BEGIN = '<!-- result of npm run bench -- failures: begin -->'
const END = '<!-- result of npm run bench -- failures: end -->'

/**
 * docs/proof.md with what was seen in the place of the run before. Throws where its markers are missing.
 *
 * @param seen when and at which commit it was seen, as a sentence
 */
export function withFailures(page: string, figures: Failures, seen: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error('docs/proof.md has lost the markers of its failures')
  const section = `\n\n${seen}\n\n${failuresTable(figures)}\n\n`
  return page.slice(0, from + BEGIN.length) + section + page.slice(to)
}

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
