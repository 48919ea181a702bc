import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import type { Machine } from '../../bench/machine.ts'
import type { Simulation } from './simulate.ts'

/** The page that shows the last run. */
export const page = new URL('../../docs/proof.md', import.meta.url)

const BEGIN = '<!-- result of npm run simulate: begin -->'
const END = '<!-- result of npm run simulate: end -->'

/** Where, when and how histories were played. */
export interface Run extends Pick<Machine, 'at' | 'commit' | 'cpus'> {
  workers: number
}

/** Writes what a run has shown into the page, between its markers. */
export async function report(simulation: Simulation, run: Run): Promise<void> {
  const text = await readFile(page, 'utf8')
  const filepath = fileURLToPath(page)
  const config = await resolveConfig(filepath)
  await writeFile(page, await format(withResult(text, simulation, run), { ...config, filepath }))
}

/** The page with the result of a run in the place of the one before. Throws where its markers are missing. */
export function withResult(text: string, simulation: Simulation, run: Run): string {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error('docs/proof.md has lost the markers of its result')
  return text.slice(0, from + BEGIN.length) + result(simulation, run) + text.slice(to)
}

function result({ seed, histories, seconds, counts, failure }: Simulation, run: Run): string {
  const number = (n: number): string => n.toLocaleString('en-US')
  const rows = [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, n]) => `| ${what} | ${number(n)} |`)
  const outcome = failure
    ? `One failed: \`npm run simulate -- --driver client --seed ${failure.seed} --path ${failure.path}\`.`
    : 'None failed.'
  return `

${run.at.slice(0, 10)}, at ${run.commit ?? 'no commit'}, on ${run.cpus}: ${number(histories)} histories from seed ${seed} by ${run.workers} workers in ${number(Math.round(seconds))} s. ${outcome}

| what happened | times |
| --- | --: |
${rows.join('\n')}

`
}
