import { expect, it } from 'vitest'
import { createUser } from '../../../../../dev/testing.ts'
import { createSync } from '../../../../src/index.ts'
import { device, makeTable, rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'

const row = "token refreshed 60 s before it expires; only one's own data; permission by entity"

export function security(): void {
  const p = project()

  it(`${row}: the token`, async () => {
    const { client } = await createUser()
    const { data } = await client.auth.getSession()
    let refreshed = 0
    const session = { ...data.session!, expires_at: 0 }
    const auth = {
      getSession: async () => ({ data: { session }, error: null }),
      refreshSession: () => {
        refreshed++
        return client.auth.refreshSession()
      },
      onAuthStateChange: client.auth.onAuthStateChange.bind(client.auth),
    }
    const sync = createSync({
      supabase: { rpc: client.rpc.bind(client), functions: client.functions, auth } as never,
      tables: [p.table],
    })
    session.expires_at = Date.now() / 1000 + 90
    await sync.sync()
    expect(refreshed).toBe(0)
    session.expires_at = Date.now() / 1000 + 30
    await sync.sync()
    expect(refreshed).toBe(1)
    await sync.close()
  })

  it(`${row}: only one's own data`, async () => {
    const mine = await p.open()
    const { id } = await mine.rows.insert({ name: 'mine' })
    await mine.sync.sync()
    const other = await device(await createUser(), [p.table])
    await other.sync.sync()
    expect(await other.rows.list()).toEqual([])
    await other.rows.insert({ id, name: 'theirs now' })
    await other.rows.insert({ user_id: p.user.id, name: 'in your name' })
    expect(await other.sync.sync()).toMatchObject({ pushed: 0, rejected: 2 })
    expect(await rowsInDatabase(p.sql, p.table)).toMatchObject([{ name: 'mine' }])
    await other.sync.close()
  })

  it(`${row}: permission by entity`, async () => {
    const readable = await makeTable(p.sql)
    await p.sql.unsafe(`
      revoke insert, update, delete on public.${readable} from authenticated;
      insert into public.${readable} (user_id, name) values ('${p.user.id}', 'to be read')`)
    const { sync } = await p.open({}, [p.table, readable])
    await sync.sync()
    const [found] = await sync.table(readable).list()
    expect(found).toMatchObject({ name: 'to be read' })
    await sync.table(readable).update(found!.id as string, { name: 'changed' })
    await sync.table(p.table).insert({ name: 'allowed' })
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 1 })
    expect(await sync.queue.list()).toMatchObject([
      { table: readable, status: 'failed', error: { code: 'forbidden' } },
    ])
    expect(await sync.table(readable).list()).toMatchObject([{ name: 'to be read' }])
  })
}
