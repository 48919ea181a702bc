import type { TestUser } from '../dev/testing.ts'
import { createTables, fill, newContacts } from './contacts.ts'
import { cell, type Cell, type Matrix } from './matrix.ts'
import { timed } from './measure.ts'
import { expectCount } from './request.ts'
import { activities, type Activity, type Rival } from './rivals/rival.ts'
import type { Bench } from './subject.ts'

export interface Sizes {
  held: number
  moved: number
  runs: number
}

/** Every contender at every activity, in turns within each round, in an order that moves on. */
export async function sideBySide(
  bench: Bench,
  rivals: readonly Rival[],
  { held, moved, runs }: Sizes,
): Promise<Matrix> {
  const { sql, rounds, progress } = bench
  await createTables(sql)
  for (const rival of rivals) await rival.createTable?.(sql)
  await sql`notify pgrst, 'reload schema'`
  const reader = await bench.createUser()
  const contacts = newContacts(reader.id, held)
  for (const { table } of rivals) {
    await fill(sql, reader.id, table, contacts)
    await sql.unsafe(`vacuum analyze ${table}`)
  }
  const changed = contacts.slice(0, moved).map(({ id }) => id)
  /** In the database, as somebody else would; triggers stamp it. */
  const change = (table: string) => () => sql`
    update ${sql(table)} set notes = notes || '.'
    where id = any (${changed}::uuid[])`
  const inDatabase = async (table: string, user: TestUser, wanted: number) => {
    const [found] = await sql<[{ count: number }]>`
      select count(*)::int from ${sql(table)} where user_id = ${user.id}`
    expectCount(`rows in ${table}`, found.count, wanted)
  }

  const times = new Map<string, number[]>()
  const note = (rival: Rival, activity: Activity, ms: number): void => {
    const key = `${rival.name} ${activity}`
    times.set(key, [...(times.get(key) ?? []), ms])
  }

  async function reads(rival: Rival): Promise<void> {
    const device = await rival.device(reader)
    try {
      let rows = 0
      note(rival, 'download', await timed(async () => (rows = await device.download())))
      expectCount(`rows of ${rival.name}`, rows, held)
      if (!rival.cannot.pull) note(rival, 'pull', await device.pull!(change(rival.table), moved))
      if (rival.cannot.poll) return
      const polls = await timed(async () => {
        for (let i = 0; i < runs; i++) await device.poll!()
      })
      note(rival, 'poll', polls / runs)
    } finally {
      await device.close()
    }
  }

  async function writes(rival: Rival): Promise<void> {
    const writer = await bench.createUser()
    const device = await rival.device(writer)
    try {
      await device.download()
      await device.write(newContacts(writer.id, moved))
      note(rival, 'push', await timed(() => device.upload()))
      await inDatabase(rival.table, writer, moved)
      const trips = await timed(async () => {
        for (let i = 0; i < runs; i++) {
          await device.write(newContacts(writer.id, 1))
          await device.upload()
        }
      })
      note(rival, 'trip', trips / runs)
      await inDatabase(rival.table, writer, moved + runs)
    } finally {
      await device.close()
    }
  }

  async function news(rival: Rival): Promise<void> {
    if (rival.cannot.realtime) return
    const user = await bench.createUser()
    const [writer, listener] = [await rival.device(user), await rival.device(user)]
    let heard = (): void => {}
    let has: (id: string) => boolean = () => false
    try {
      await writer.download()
      await listener.listen!((now) => {
        has = now
        heard()
      })
      // The clock stops where the row is heard of, which may be before its writer has its own answer.
      const one = async (): Promise<number> => {
        const rows = newContacts(user.id, 1)
        const arrived = new Promise<number>((resolve) => {
          heard = () => {
            if (has(rows[0]!.id)) resolve(performance.now())
          }
        })
        const start = performance.now()
        await writer.write(rows)
        const [end] = await Promise.all([arrived, writer.upload()])
        return end - start
      }
      // The first waits for the channel to be joined.
      await one()
      let total = 0
      for (let i = 0; i < runs; i++) total += await one()
      note(rival, 'realtime', total / runs)
    } finally {
      await writer.close()
      await listener.close()
    }
  }

  const stops: (() => Promise<void>)[] = []
  try {
    for (const rival of rivals) {
      progress(`starting ${rival.name}`)
      if (rival.start) stops.push(await rival.start())
    }
    for (let round = 0; round <= rounds; round++) {
      const first = round % rivals.length
      const order = [...rivals.slice(first), ...rivals.slice(0, first)]
      for (const [at, rival] of order.entries()) {
        const of = round ? `round ${round} of ${rounds}` : 'warming up'
        progress(`${of}, ${rival.name}`, (round + at / order.length) / (rounds + 1))
        await reads(rival)
        await writes(rival)
        await news(rival)
      }
      if (round === 0) times.clear()
    }
  } finally {
    for (const stop of stops) await stop()
  }

  const titles: Record<Activity, { title: string; rows?: number }> = {
    push: { title: `upload of ${moved.toLocaleString('en')} new rows`, rows: moved },
    pull: { title: `pull of ${moved.toLocaleString('en')} changed rows`, rows: moved },
    download: { title: `first download of ${held.toLocaleString('en')} rows`, rows: held },
    poll: { title: 'asking when there is nothing new' },
    trip: { title: 'one new row into the database' },
    realtime: { title: 'one new row onto another device' },
  }
  const cellOf = (rival: Rival, activity: Activity): Cell => {
    const reason = rival.cannot[activity]
    if (reason) return { reason }
    const ours = times.get(`${rivals[0]!.name} ${activity}`)!
    return cell(times.get(`${rival.name} ${activity}`)!, ours)
  }
  return {
    contenders: rivals.map(({ name }) => name),
    lines: activities.map((activity) => ({
      activity,
      ...titles[activity],
      cells: Object.fromEntries(rivals.map((rival) => [rival.name, cellOf(rival, activity)])),
    })),
  }
}
