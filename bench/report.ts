import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { costSection, logBytes } from './cost-report.ts'
import type { CostFigures } from './cost-figures.ts'
import { failuresSection } from './failures-report.ts'
import type { Failures } from './failures.ts'
import { growthChart } from './growth-chart.ts'
import type { Curve } from './growth.ts'
import type { Machine } from './machine.ts'
import { withResult } from './markers.ts'
import { matrixChart } from './matrix-chart.ts'
import { cellText, type Matrix, reasons, short, whole } from './matrix.ts'
import { soakSection } from './soak/report.ts'
import type { Soak } from './soak/index.ts'
import type { Result } from './subject.ts'
import { markdownTable, resultRows } from './table.ts'

/** What `npm run bench` leaves for each subject, and `npm run soak`, which has no rounds. */
interface Json<Figures> extends Machine {
  quick?: boolean
  rounds?: number
  results: Result[]
  figures: Figures
}

const project = join(import.meta.dirname, '..')
const folder = join(import.meta.dirname, 'results')

/** Every file that is made from the results, with its content. */
export async function report(): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  const sections = ['# Benchmarks', opening]
  const rivals = read<Matrix>('rivals')
  if (rivals) {
    files.set('docs/benchmarks.svg', matrixChart(rivals.figures))
    sections.push(...beside(rivals))
  }
  const growth = read<{ curves: Curve[] }>('growth')
  if (growth) {
    files.set('docs/growth.svg', growthChart(growth.figures.curves))
    sections.push('## Growth', conditions(growth), growthText, '![How times grow](growth.svg)')
    sections.push(...rates(growth.figures.curves))
  }
  const cost = read<CostFigures>('cost')
  if (cost) {
    sections.push('## Cost', conditions(cost), ...costSection(cost.figures))
    files.set('docs/operations.md', await filled('operations.md', 'cost', logBytes(cost.figures)))
  }
  const soak = read<Soak>('soak')
  if (soak) sections.push('## Soak', conditions(soak), ...soakSection(soak.figures))
  const others = readdirSync(folder)
    .filter((file) => file.endsWith('.json') && !file.endsWith('.local.json'))
    .map((file) => read<object>(basename(file, '.json'))!)
    .filter(({ results }) => results.length > 0)
  if (others.length > 0) sections.push('## Each part', parts)
  for (const one of others) {
    sections.push(`### ${one.results[0]!.subject}`, conditions(one))
    const [head, ...rows] = resultRows(one.results)
    sections.push(markdownTable(head!, rows))
  }
  const seen = read<Failures>('failures')
  if (seen) {
    const section = failuresSection(seen.figures, date(seen))
    files.set('docs/proof.md', await filled('proof.md', 'failures', section))
  }
  const markdown = `${sections.join('\n\n')}\n`
  files.set('docs/benchmarks.md', await pretty('benchmarks.md', markdown))
  return files
}

/** A page of the docs with a subject's result between its markers. */
async function filled(name: string, subject: string, content: string): Promise<string> {
  const page = readFileSync(join(project, 'docs', name), 'utf8')
  return pretty(name, withResult(`docs/${name}`, page, subject, content))
}

async function pretty(name: string, markdown: string): Promise<string> {
  const options = await resolveConfig(join(project, 'docs', name))
  return format(markdown, { ...options, parser: 'markdown' })
}

const opening = `Made by \`npm run bench:report\` from [bench/results](../bench/results), which \`npm run bench\` writes; [bench](../bench/README.md) says what is measured and how. Times are those of one machine, where everything, devices and database, shares the same cores: compare what stands in one table, not one machine with another. The local stack's Postgres runs with \`fsync = off\` ([dev/postgres.ts](../dev/postgres.ts)), so that a commit costs less than on a server, which favours those that commit row by row.`

const parts = `In \`push\`, \`pull\` and \`client\` a ratio is a speed: raw time divided by Tidemark's, where 1 is as fast and less is slower. In the others it is a cost: Tidemark's divided by raw. The spread is the quartiles of the rounds; a bound that is missed is marked.`

const growthText = `Medians of the rounds, in milliseconds, on logarithmic axes: a flat line does not depend on what grows. Devices at once share the cores of everything else: each waits for the others.`

function beside(json: Json<Matrix>): string[] {
  const { figures } = json
  const rows = figures.lines.map((line) => [
    line.title,
    ...figures.contenders.map((name) => cellText(line, name)),
  ])
  return [
    '## Beside others',
    conditions(json),
    '![Times beside those of Tidemark](benchmarks.svg)',
    markdownTable(['', ...figures.contenders], rows),
    'Beside each amount stands its time divided by that of Tidemark in the same round: the median of the rounds, and in brackets the least and the most. Over 1 is slower than Tidemark, under 1 faster.',
    'What is – and why:',
    reasons(figures)
      .map((reason) => `- ${reason}`)
      .join('\n'),
  ]
}

/** How many calls were answered in a second, where several run at once: no axis of the chart has it. */
function rates(curves: Curve[]): string[] {
  return curves.flatMap(({ of, lines }) =>
    lines
      .filter(({ points }) => points.some(({ perSecond }) => perSecond !== undefined))
      .map(({ name, points }) =>
        markdownTable(
          [of, ...points.map(({ at }) => at.toLocaleString('en'))],
          [
            [name, ...points.map(({ ms }) => `${short(ms)} ms`)],
            ['all of them, a second', ...points.map(({ perSecond = 0 }) => whole(perSecond))],
          ],
        ),
      ),
  )
}

function conditions({ quick, rounds, node, cpus, memory_gb, load, commit, at }: Json<unknown>) {
  const kind = quick ? 'A short run (`--quick`)' : 'A full run'
  const run = rounds === undefined ? 'A run' : `${kind} of ${rounds} rounds`
  const when = `${at.slice(0, 10)}${commit ? `, at ${commit}` : ''}`
  return `${run}, ${when}, on ${cpus}, ${memory_gb} GB, Node ${node.slice(1)}; the machine's load was ${load}.`
}

function date({ at, commit, node }: Json<unknown>): string {
  return `Seen ${at.slice(0, 10)}${commit ? `, at ${commit}` : ''}, with Node ${node.slice(1)}.`
}

function read<Figures>(name: string): Json<Figures> | undefined {
  const file = join(folder, `${name}.json`)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Json<Figures>) : undefined
}

/** Writes them, and resolves to their paths within the project. */
export async function writeReport(): Promise<string[]> {
  const files = await report()
  for (const [file, content] of files) await writeFile(join(project, file), content)
  return [...files.keys()]
}

if (process.argv[1] === import.meta.filename) console.log((await writeReport()).join('\n'))
