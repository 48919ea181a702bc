import { expect, it } from 'vitest'
import { systemClock } from '../../../../src/util/clock.ts'
import type { Table } from '../../../../src/index.ts'
import { rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'
import { recover } from '../../../../src/integrations/maintenance/index.ts'

const row = 'merge: local-only fields stay on the device, newest per named field, array union'

type Contact = {
  id: string
  name: string
  phone: string | null
  tags: string[]
  starred?: boolean
  scroll?: number
}
type Contacts = Table<Contact, Partial<Contact>, Partial<Contact>>

export function localFields(): void {
  const p = project("name text, phone text, tags text[] not null default '{}'")

  it(`${row}: through edits of two devices`, async () => {
    await p.sql`select tidemark.add_table(${p.table}, 'user:user_id', 'client_wins',
      '{"tags": "union", "phone": "newest"}')`
    const options = [{ name: p.table, local: ['starred', 'scroll'] }]
    // The server takes a device's clock by what it says when it sends, which no two requests do alike.
    let ago = 0
    const clock = { ...systemClock, now: () => Date.now() - ago }
    const a = await p.open({ clock }, options)
    const b = await p.open({}, options)
    const [ofA, ofB] = [a.rows, b.rows] as unknown as [Contacts, Contacts]
    const { id } = await ofA.insert({ name: 'Ada', tags: ['x'], starred: true })
    await a.sync.sync()
    await b.sync.sync()
    expect(await ofB.get(id)).not.toHaveProperty('starred')

    ago = 60_000
    await ofA.update(id, { phone: '1', tags: ['x', 'a'], scroll: 7 })
    ago = 0
    await ofB.update(id, { phone: '2', tags: ['x', 'b'], starred: false })
    await b.sync.sync()
    await a.sync.sync()
    await b.sync.sync()

    const merged = { name: 'Ada', phone: '2', tags: expect.arrayContaining(['x', 'a', 'b']) }
    const [stored] = await rowsInDatabase(p.sql, p.table)
    expect(stored).toMatchObject(merged)
    expect(stored).not.toHaveProperty('starred')
    expect(await ofA.get(id)).toEqual({ ...stored, starred: true, scroll: 7 })
    expect(await ofB.get(id)).toEqual({ ...stored, starred: false })
  })

  it(`${row}: writing one of them alone is seen at once and sends nothing`, async () => {
    const a = await p.open({}, [{ name: p.table, local: ['starred'] }])
    const rows = a.rows as unknown as Contacts
    const { id } = await rows.insert({ name: 'Grace', tags: [] })
    await a.sync.sync()
    let shown: Contact[] = []
    const end = rows.subscribe({ starred: true }, (found) => (shown = found))
    expect(await rows.update(id, { starred: true })).toMatchObject({ name: 'Grace', starred: true })
    expect(await rows.list({ starred: true })).toHaveLength(1)
    expect(shown.map(({ name }) => name)).toEqual(['Grace'])
    end()
    expect(a.sync.status().pending).toBe(0)
    await recover(a.sync, 'full-resync')
    expect(await rows.get(id)).toMatchObject({ starred: true })
    await rows.remove(id)
    await a.sync.sync()
    expect(await rows.get(id)).toBeNull()
  })
}
