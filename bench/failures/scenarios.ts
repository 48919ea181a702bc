import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import type { TestUser } from '../../dev/testing.ts'
import { type Contender, type Device, type Need, type Note } from './contender.ts'
import { within } from './within.ts'
import { type Fault, Network } from './network.ts'

/** What is needed to play: a database with the contender's table, and somebody to have the device. */
export interface Stage {
  sql: Sql
  contender: Contender
  table: string
  members: string
  user: TestUser
}

/** What came of a scenario: as it should, as it should after one more restart of the app, or not. */
export type Ending = 'right' | 'late' | 'wrong'

/** The same in words, or why it was not played. */
export interface Seen {
  outcome: Ending | 'not played'
  text: string
}

export interface Scenario {
  title: string
  /** What is seen, in words. */
  words: Record<Ending, string>
  /** What a contender has to have for it. */
  needs?: Need
  /** Everything up to the sync that has to put things right; resolves to how one sees that it did. */
  play(on: Player): Promise<() => Promise<boolean>>
  /** What is seen instead, where that is a figure. */
  instead?(on: Player): Promise<string>
}

/** Milliseconds that something has to come true after a sync. */
const PATIENCE = 3_000

/** A device of a member of one list, and what scenarios do with both. */
class Player {
  readonly list = randomUUID()
  readonly network: Network
  readonly device: Device
  readonly stage: Stage

  constructor(stage: Stage) {
    this.stage = stage
    this.network = new Network(stage.user)
    this.device = stage.contender.device(stage.table, this.network)
  }

  note(title: string): Note {
    return { id: randomUUID(), list_id: this.list, title }
  }

  /** Notes by plain SQL. */
  async add(...titles: string[]): Promise<Note[]> {
    const notes = titles.map((title) => this.note(title))
    const { sql, table } = this.stage
    await sql`insert into ${sql(table)} ${sql(notes as never)}`
    return notes
  }

  /** Titles in the database. */
  async titles(): Promise<string[]> {
    const { sql, table } = this.stage
    const rows = await sql<{ title: string }[]>`
      select title from ${sql(table)} where list_id = ${this.list}`
    return rows.map(({ title }) => title)
  }

  async has({ id }: Note): Promise<boolean> {
    return (await this.device.rows()).some((note) => note.id === id)
  }

  async start(): Promise<void> {
    await this.device.start(await this.network.connect())
    await this.sync()
  }

  async stop(): Promise<void> {
    this.network.cut()
    await this.device.stop()
  }

  async sync(): Promise<void> {
    await this.device.sync()
    await this.network.quiet()
  }

  /** A device that has so many rows of its list. */
  async holding(...titles: string[]): Promise<Note[]> {
    const notes = await this.add(...titles)
    await this.start()
    if (!(await within(PATIENCE, async () => (await this.device.rows()).length === notes.length)))
      throw new Error(`${this.stage.contender.name} did not download what was there`)
    return notes
  }

  /** Lets a write fail, and mends the network once it has. */
  async failing(fault: Fault | undefined, edit: () => Promise<void>): Promise<void> {
    const failures = async () => this.network.refused + (await this.device.told()).length
    const before = await failures()
    this.network.fault = fault
    await edit()
    await this.sync()
    if (!(await within(PATIENCE, async () => (await failures()) > before)))
      throw new Error(`${this.stage.contender.name} sent nothing that could fail`)
    this.network.fault = undefined
  }
}

/** Plays a scenario with a new device and tells what was seen. */
export async function seen(scenario: Scenario, stage: Stage): Promise<Seen> {
  const { sql, contender, members, user } = stage
  const reason = scenario.needs && contender.cannot?.[scenario.needs]
  if (reason) return { outcome: 'not played', text: reason }
  const on = new Player(stage)
  await sql`insert into ${sql(members)} values (${on.list}, ${user.id})`
  try {
    const holds = await scenario.play(on)
    const before = (await on.device.told()).length
    await on.sync()
    if (await within(PATIENCE, holds)) return { outcome: 'right', text: scenario.words.right }
    await on.stop()
    await on.start()
    if (await within(PATIENCE, holds)) return { outcome: 'late', text: scenario.words.late }
    const text = (await scenario.instead?.(on)) ?? scenario.words.wrong
    const error = (await on.device.told()).length > before ? 'with' : 'without'
    return { outcome: 'wrong', text: `${text}, ${error} an error` }
  } finally {
    await on.stop()
  }
}

const sent = { right: 'sent', late: 'sent after a restart', wrong: 'never sent' }
const gone = { right: 'goes', late: 'goes after another restart', wrong: 'stays' }

/** More than the API gives at once. */
const MANY = 1_500

export const scenarios: Scenario[] = [
  {
    title: 'a row whose transaction began before and committed after the last pulled one',
    words: { right: 'arrives', late: 'arrives after a restart', wrong: 'missing' },
    async play(on) {
      const { sql, table } = on.stage
      await on.start()
      const slow = on.note('slow')
      const open = await sql.reserve()
      try {
        await open`begin`
        await open`insert into ${open(table)} ${open(slow as never)}`
        const [quick] = await on.add('quick')
        await on.sync()
        if (!(await within(PATIENCE, () => on.has(quick!)))) throw new Error('nothing was pulled')
        await open`commit`
      } finally {
        open.release()
      }
      return () => on.has(slow)
    },
  },
  {
    title: 'a row that SQL deletes while the device is away',
    words: gone,
    async play(on) {
      const { sql, table } = on.stage
      const [, note] = await on.holding('stays', 'goes')
      await on.stop()
      await sql`delete from ${sql(table)} where id = ${note!.id}`
      await on.start()
      return async () => !(await on.has(note!))
    },
  },
  {
    title: 'the same, marked as deleted in the way that is prescribed',
    words: gone,
    needs: 'mark',
    async play(on) {
      const { sql, table, contender } = on.stage
      const [, note] = await on.holding('stays', 'goes')
      await on.stop()
      await contender.softDelete!(sql, table, note!.id)
      await on.start()
      return async () => !(await on.has(note!))
    },
  },
  {
    title: 'rows of a list whose membership ends while the device is away',
    words: gone,
    async play(on) {
      const { sql, members } = on.stage
      await on.holding('a', 'b')
      await on.stop()
      await sql`delete from ${sql(members)} where list_id = ${on.list}`
      await on.start()
      return async () => (await on.device.rows()).length === 0
    },
  },
  {
    title: 'a good edit made after one that a constraint refuses',
    words: { ...sent, wrong: 'held back' },
    needs: 'queue',
    async play(on) {
      await on.start()
      await on.failing(undefined, () => on.device.insert(on.note('poison')))
      return good(on)
    },
  },
  {
    title: 'the same, with a restart of the app between them',
    words: { ...sent, late: 'sent after another restart', wrong: 'held back' },
    needs: 'queue',
    async play(on) {
      await on.start()
      await on.failing(undefined, () => on.device.insert(on.note('poison')))
      await on.stop()
      await on.start()
      return good(on)
    },
  },
  {
    title: 'an edit made offline, once the network is back',
    words: sent,
    needs: 'queue',
    async play(on) {
      await on.start()
      on.network.fault = 'offline'
      const holds = await good(on)
      await on.sync()
      on.network.fault = undefined
      return holds
    },
  },
]

const many = Array.from({ length: MANY }, (_, n) => `note ${n}`)

for (const [fault, title] of [
  ['expired token', 'an edit that is sent with an expired token, once the token is good'],
  ['error 500', 'an edit that is answered with 500, once the server is well'],
] as const)
  scenarios.push({
    title,
    words: sent,
    needs: 'queue',
    async play(on) {
      const [note] = await on.holding('old')
      await on.failing(fault, () => on.device.rename(note!.id, 'new'))
      return async () => (await on.titles()).includes('new')
    },
  })

scenarios.push(
  {
    title: 'a new row whose answer is lost, then a reload',
    words: { right: 'there once', late: 'there once after a restart', wrong: 'not there once' },
    needs: 'queue',
    async play(on) {
      await on.start()
      await losing(on, () => on.device.insert(on.note('new')))
      await on.start()
      return async () => (await on.titles()).length === 1 && (await on.device.rows()).length === 1
    },
  },
  {
    title: "somebody else's later change of a row, after an edit whose answer is lost and a reload",
    words: { right: 'kept', late: 'kept', wrong: 'overwritten' },
    needs: 'queue',
    async play(on) {
      const { sql, table } = on.stage
      const [note] = await on.holding('old')
      await losing(on, () => on.device.rename(note!.id, 'ours'))
      await sql`update ${sql(table)} set title = 'theirs' where id = ${note!.id}`
      await on.start()
      return async () => (await on.titles()).includes('theirs')
    },
  },
  {
    title: `a first download of ${MANY.toLocaleString('en')} rows, where the API gives 1,000 at once`,
    words: { right: 'all', late: 'all after a restart', wrong: 'not all' },
    async play(on) {
      await on.add(...many)
      await on.start()
      return async () => (await on.device.rows()).length === MANY
    },
    instead: async (on) => `${(await on.device.rows()).length.toLocaleString('en')} rows`,
  },
)

/** A new row that nothing speaks against; resolves to whether the database has it. */
async function good(on: Player): Promise<() => Promise<boolean>> {
  await on.device.insert(on.note('good'))
  return async () => (await on.titles()).includes('good')
}

/** An edit that the server carries out while its answer gets lost, and the app ends before it hears. */
async function losing(on: Player, edit: () => Promise<void>): Promise<void> {
  on.network.fault = 'answer lost'
  await edit()
  await on.sync()
  if (!(await within(PATIENCE, async () => on.network.fault === 'offline')))
    throw new Error(`${on.stage.contender.name} sent nothing`)
  await on.stop()
  on.network.fault = undefined
}
