import { DatabaseSync } from 'node:sqlite'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { aesCipher, encryptedStorage, sqliteStorage, syncSqlite } from '../../../../src/index.ts'
import { rowsInDatabase } from '../../../support/project.ts'
import { newFile } from '../../../support/storages.ts'
import { project } from '../../support.ts'
import { verify } from '../../../../src/integrations/maintenance/index.ts'

const row = 'encryption of sensitive fields'

const newKey = (): Promise<CryptoKey> =>
  crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])

export function encryption(): void {
  const p = project()

  async function encrypted(key: CryptoKey, file = newFile()) {
    const db = new DatabaseSync(file)
    const storage = encryptedStorage(sqliteStorage(syncSqlite(db)), {
      cipher: aesCipher(key),
      columns: { [p.table]: ['phone', 'name'] },
    })
    /** Everything that the database's files hold, as text. */
    const bytes = (): string => {
      db.exec('pragma wal_checkpoint(truncate)')
      return readFileSync(file).toString('latin1')
    }
    return { ...(await p.open({ storage })), file, db, bytes }
  }

  it(`${row}: at rest neither rows nor edits show them, above everything works as always`, async () => {
    const one = await encrypted(await newKey())
    const [secret, later] = ['+44 20 7946 0018', '+44 20 7946 0999']
    await p.sql`insert into ${p.sql(p.table)} (user_id, name, phone, n)
      values (${p.user.id}, 'Grace', ${secret}, 1)`
    await one.sync.sync()
    const [held] = await one.rows.list({ phone: secret })
    expect(held).toMatchObject({ name: 'Grace', phone: secret, n: 1 })
    let shown: string[] = []
    const end = one.rows.subscribe({}, (rows) => (shown = rows.map(({ name }) => name!)), {
      order: 'name',
    })
    await one.rows.update(held!.id, { phone: later })
    await one.rows.insert({ name: 'Ada', phone: secret, n: 2 })
    expect(shown).toEqual(['Ada', 'Grace'])
    end()

    const stored = one.bytes()
    expect(stored).toContain(held!.id)
    for (const text of [secret, later, 'Grace', 'Ada']) expect(stored).not.toContain(text)
    const edits = await one.sync.queue.list()
    expect(edits.map(({ data }) => data)).toMatchObject([
      { phone: later },
      { name: 'Ada', phone: secret },
    ])
    for (const { checksum } of edits) expect(stored).not.toContain(checksum!)

    expect(await one.sync.sync()).toMatchObject({ pushed: 2, conflicts: 0, rejected: 0 })
    expect(await one.rows.list()).toEqual(await rowsInDatabase(p.sql, p.table))
    expect(await verify(one.sync)).toMatchObject({ inSync: true })
  })

  it(`${row}: an edit that changes nothing is none, and equal values look different`, async () => {
    const one = await encrypted(await newKey())
    const rows = await one.rows.insertMany([{ name: 'same' }, { name: 'same' }])
    const { id } = rows[0]!
    await one.sync.sync()
    await one.rows.update(id, { name: 'same' })
    expect(one.sync.status().pending).toBe(0)
    const found = one.db
      .prepare(
        `select record ->> '$.row.name.$sealed' as name from tidemark_rows where id in (?, ?)`,
      )
      .all(...rows.map((each) => each.id))
    expect(new Set(found.map(({ name }) => name)).size).toBe(2)
  })

  it(`${row}: without the key nothing is shown, and nothing is lost`, async () => {
    const key = await newKey()
    const one = await encrypted(key)
    await one.rows.insert({ name: 'Ada' })
    await one.sync.close()
    const thief = await encrypted(await newKey(), one.file)
    await expect(thief.rows.list()).rejects.toMatchObject({ name: 'StorageError', code: 'storage' })
    await expect(thief.sync.sync()).rejects.toMatchObject({ name: 'StorageError' })
    const owner = await encrypted(key, one.file)
    expect(await owner.sync.sync()).toMatchObject({ pushed: 1 })
    expect(await owner.sync.damaged.list()).toEqual([])
  })
}
