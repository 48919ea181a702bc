import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { device, makeTable, rowsInDatabase } from '../../client/tests/support/project.ts'
import { full, leaveOut } from '../../dev/full.ts'
import { connect, createUser, stack, type TestUser } from '../../dev/testing.ts'
import { ownProject } from '../support/own-project.ts'
import { codesOf, failures, load } from './load.ts'

let project: Awaited<ReturnType<typeof ownProject>>
let sql: Sql
let superuser: Sql
let user: TestUser

beforeAll(async () => {
  project = await ownProject()
  sql = connect()
  superuser = connect('supabase_admin', { max: 2 })
  user = await createUser()
}, 120_000)
afterAll(async () => {
  await sql?.end({ timeout: 1 })
  await superuser?.end({ timeout: 1 })
  await project?.end()
})

describe('under load, the server runs out of something', () => {
  it('of connections: clients wait and go on', async () => {
    const running = await load(sql, user)
    const met = failures(running)
    await setTimeout(500)
    const hoard: Sql[] = []
    try {
      await takeAll(hoard)
      await expect.poll(() => met.length, { timeout: 90_000 }).toBeGreaterThan(0)
    } finally {
      await Promise.all(hoard.map((one) => one.end({ timeout: 1 })))
    }
    // What the gateway says while it may, and a gateway that does not answer any more.
    const known = ['53300', '57P01', 'network', 'unavailable']
    expect(codesOf(met).filter((code) => !known.includes(code))).toEqual([])
    await running.settle()
  }, 180_000)

  /** Takes every connection there is, those of the API too. */
  async function takeAll(hoard: Sql[]): Promise<void> {
    for (let taken = false; !taken;) {
      await superuser`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'authenticator'`
      for (taken = false; !taken;) {
        const one = postgres(stack().db_url, { max: 1, onnotice: () => {} })
        hoard.push(one)
        taken = await one`select 1`.then(
          () => false,
          () => true,
        )
      }
      const [left] = await superuser<{ n: number }[]>`
        select count(*)::int as n from pg_stat_activity where usename = 'authenticator'`
      taken = left!.n === 0
    }
  }

  it('of time: what waits for a lock longer than a statement may is sent again', async () => {
    const running = await load(sql, user)
    const met = failures(running)
    await setTimeout(500)
    await superuser`alter role authenticated set statement_timeout = '300ms'`
    await superuser`notify pgrst`
    await sql.begin(async (tx) => {
      await tx.unsafe(`lock table public.${running.table} in access exclusive mode`)
      await expect.poll(() => met.length, { timeout: 30_000 }).toBeGreaterThan(0)
    })
    await superuser`alter role authenticated set statement_timeout = '8s'`
    await superuser`notify pgrst`
    expect(met.map(({ code }) => code)).toContain('statement_timeout')
    await running.settle()
  }, 180_000)

  /** What is on the disk that gets full. */
  const onDisk: Record<string, (table: string) => string> = {
    'rows of the app': (table) => `public.${table}`,
    'entries of the log': () => 'tidemark.sync_changes',
  }
  if (!full) leaveOut('a full disk under the log: only one under rows of the app is played')
  it.for(Object.keys(onDisk).slice(0, full ? undefined : 1))(
    'of disk for %s: nothing is stored in part, and all of it once there is room',
    { timeout: 180_000 },
    async (what, test) => {
      const folder = await mkdtemp(join(tmpdir(), 'tidemark-small-'))
      const options = ['-t', 'tmpfs', '-o', 'size=4m,mode=0777']
      const mounted = spawnSync('mount', [...options, 'tmpfs', folder])
      if (mounted.status !== 0) {
        await rm(folder, { recursive: true })
        const why = String(mounted.stderr ?? mounted.error)
        return test.skip(`no small disk can be made here: ${why}`)
      }
      try {
        await chmod(folder, 0o777)
        const { uid, gid } = await ownerOfData()
        spawnSync('chown', [`${uid}:${gid}`, folder])
        await superuser.unsafe(`create tablespace small location '${folder}'`)
        await superuser.unsafe('grant create on tablespace small to postgres')
        const running = await load(sql, user)
        const met = failures(running)
        const table = onDisk[what]!(running.table)
        await superuser.unsafe(`alter table ${table} set tablespace small`)
        await sql.unsafe(`create table public.filler (text text) tablespace small`)
        // The last free page goes to nobody's filler: rows of a page each, until there is no more.
        const fill = (bytes: number) =>
          sql.unsafe(`insert into public.filler select repeat(md5(random()::text), ${bytes / 32})`)
        for (const bytes of [6400, 640, 64])
          for (;;)
            if (
              await fill(bytes).then(
                () => false,
                () => true,
              )
            )
              break
        // Only from now on: moving the table has kept some waiting.
        met.length = 0
        await expect.poll(() => met.length, { timeout: 60_000 }).toBeGreaterThan(0)
        await sql.unsafe('drop table public.filler')
        await running.settle()
        expect(codesOf(met)).toEqual(['53100'])
        await superuser.unsafe(`alter table ${table} set tablespace pg_default`)
        await superuser`drop tablespace small`
      } finally {
        spawnSync('umount', [folder])
        await rm(folder, { recursive: true, force: true })
      }
    },
  )

  async function ownerOfData(): Promise<{ uid: number; gid: number }> {
    const { stat } = await import('node:fs/promises')
    return stat(join(project.dataDir, 'postgres'))
  }
})

describe('a deadlock', () => {
  it('ends with the push tried again, by the function, unseen by the client', async () => {
    const table = await makeTable(sql)
    const one = await device(user, [table])
    await one.rows.insertMany([{ name: 'a' }, { name: 'b' }])
    await one.sync.sync()
    const [a, b] = (await rowsInDatabase(sql, table)) as [{ id: string }, { id: string }]
    const deadlocks = async () =>
      (
        await superuser`select deadlocks::int as n from pg_stat_database where datname = 'postgres'`
      )[0]!.n as number
    const before = await deadlocks()
    await one.rows.update(a.id, { n: 1 })
    await one.rows.update(b.id, { n: 1 })
    const other = connect('supabase_admin', { max: 1 })
    const pushed = await other.begin(async (tx) => {
      // Its own patience is longer, so that the push is the one that is called off.
      await tx`set local deadlock_timeout = '1min'`
      await tx.unsafe(`update public.${table} set phone = '2' where id = '${b.id}'`)
      const pushing = one.sync.sync()
      await expect
        .poll(
          async () =>
            (
              await superuser`select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'`
            )[0]!.n,
          { timeout: 20_000 },
        )
        .toBe(1)
      await tx.unsafe(`update public.${table} set phone = '1' where id = '${a.id}'`)
      return { pushing }
    })
    expect(await pushed.pushing).toMatchObject({ pushed: 2, rejected: 0 })
    await expect.poll(deadlocks, { timeout: 20_000 }).toBeGreaterThan(before)
    const stored = await rowsInDatabase(sql, table)
    expect(stored.map(({ n, phone }) => [n, phone])).toEqual([
      [1, '1'],
      [1, '2'],
    ])
    expect(await one.rows.list()).toEqual(stored)
    await other.end()
    await one.sync.close()
  }, 60_000)
})
