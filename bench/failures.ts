import { readFile } from 'node:fs/promises'
import { connect, type TestUser, uniqueName } from '../dev/testing.ts'
import { byHand } from './failures/by-hand.ts'
import { createLists, createNotes, type Contender } from './failures/contender.ts'
import { legend } from './failures/legend.ts'
import { rxdb } from './failures/rxdb.ts'
import { scenarios, seen, type Seen } from './failures/scenarios.ts'
import { tidemark } from './failures/tidemark.ts'
import { zero } from './failures/zero.ts'
import { installZero } from './rivals/zero-cache.ts'
import { type Bench, chosen, type Outcome, type Subject } from './subject.ts'

/** Every contender in every scenario. */
export interface Failures {
  contenders: { name: string; version: string }[]
  lines: { title: string; cells: Record<string, Seen> }[]
}

/** Known failures of local-first sync, played with the client and with others, on one stack. */
export const failures: Subject = { name: 'failures', serves: 'api', run }

async function run({ createUser, progress, contenders }: Bench): Promise<Outcome> {
  const figures = await playFailures({ createUser, progress, contenders })
  return { results: [], figures, text: failuresText(figures) }
}

/** @param contenders beginnings of the names of those to play beside Tidemark; all where it is missing */
export async function playFailures({
  createUser,
  progress = () => {},
  contenders,
}: {
  createUser(): Promise<TestUser>
  progress?: Bench['progress']
  contenders?: readonly string[] | undefined
}): Promise<Failures> {
  const sql = connect()
  const members = uniqueName('members')
  const withZero = zero(members)
  const all: Contender[] = [tidemark(members), byHand, rxdb, legend(false), legend(true), withZero]
  const wanted = chosen(all, contenders)
  const missing = wanted.includes(withZero) && (await installZero({ progress }))
  const playing = missing ? wanted.filter((one) => one !== withZero) : wanted
  try {
    await createLists(sql, members)
    const tables = new Map<Contender, string>()
    for (const contender of playing) {
      const table = uniqueName('notes')
      await createNotes(sql, table, members)
      await contender.prepare(sql, table)
      tables.set(contender, table)
    }
    await sql`notify pgrst, 'reload schema'`
    const lines: Failures['lines'] = []
    for (const [at, scenario] of scenarios.entries()) {
      const cells: Record<string, Seen> = {}
      for (const [of, contender] of playing.entries()) {
        const done = (at + of / playing.length) / scenarios.length
        progress(`${contender.name}: ${scenario.title}`, done)
        const table = tables.get(contender)!
        const user = await createUser()
        cells[contender.name] = await seen(scenario, { sql, contender, table, members, user })
      }
      lines.push({ title: scenario.title, cells })
    }
    return { contenders: await Promise.all(playing.map(named)), lines }
  } finally {
    for (const contender of playing) await contender.end?.()
    await sql.end()
  }
}

async function named(contender: Contender): Promise<{ name: string; version: string }> {
  const file = new URL(`../${contender.package ?? '.'}/package.json`, import.meta.url)
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string }
  return { name: contender.name, version }
}

/** What was seen, a line a scenario and contender. */
export function failuresText({ contenders, lines }: Failures): string {
  const width = Math.max(...contenders.map(({ name }) => name.length))
  return lines
    .flatMap(({ title, cells }) => [
      title,
      ...contenders.map(({ name }) => {
        const { outcome, text } = cells[name]!
        const sign = { right: '✓', late: '✗', wrong: '✗', 'not played': '–' }[outcome]
        return `  ${sign} ${name.padEnd(width)}  ${text}`
      }),
    ])
    .join('\n')
}
