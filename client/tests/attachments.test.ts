import 'fake-indexeddb/auto'
import { randomUUID } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, stack, type TestUser, uniqueName } from '../../dev/testing.ts'
import { type AttachmentOptions, createAttachments } from '../src/integrations/attachments/index.ts'
import { createSync, functionsTransport, memoryStorage, type Table } from '../src/index.ts'
import { makeTable, rowsInDatabase } from './support/project.ts'
import {
  type FileStore,
  indexedDbFiles,
  memoryFiles,
} from '../src/integrations/attachments/files.ts'
import { resumableBucketOf } from '../src/integrations/attachments/resumable.ts'

interface Contact {
  id: string
  name: string
  photo: string | null
}

let sql: Sql
let user: TestUser
const bucket = uniqueName('photos')

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  await sql`insert into storage.buckets (id, name, allowed_mime_types)
    values (${bucket}, ${bucket}, '{image/png,image/jpeg}')`
  await sql.unsafe(`
    create policy "own folder of ${bucket}" on storage.objects to authenticated
      using (bucket_id = '${bucket}' and (storage.foldername(name))[1] = (select auth.uid())::text)
      with check (bucket_id = '${bucket}' and (storage.foldername(name))[1] = (select auth.uid())::text)`)
})
afterAll(async () => {
  await sql.unsafe(`drop policy "own folder of ${bucket}" on storage.objects`)
  await sql.end()
})

const contentOf = (bytes: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: bytes }, (_, i) => (i * 7) % 256)

const image = (bytes = 10_000, type = 'image/png'): File =>
  new File([contentOf(bytes)], 'ada.png', { type })

const bytesOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer())

interface Setting extends Partial<Omit<AttachmentOptions, 'supabase'>> {
  /** Called before each request; throws where it is to fail. */
  onRequest?: (method: string, path: string) => void
  storage?: ReturnType<typeof memoryStorage>
  chunk?: number
}

/** A device of the user, whose requests are listed and can be made to fail. */
async function device(table: string, setting: Setting = {}) {
  const { onRequest = () => {}, storage = memoryStorage(), chunk, ...options } = setting
  const requests: { method: string; path: string; bytes: number }[] = []
  const watching: typeof globalThis.fetch = async (url, init) => {
    const { pathname } = new URL(String(url))
    const method = init?.method ?? 'GET'
    const body = init?.body
    requests.push({ method, path: pathname, bytes: body instanceof Uint8Array ? body.length : 0 })
    onRequest(method, pathname)
    return globalThis.fetch(url, init)
  }
  const { api_url, publishable_key } = stack()
  const supabase = createClient(api_url, publishable_key, {
    auth: { persistSession: false, autoRefreshToken: false },
    global: { fetch: watching },
  })
  const { data } = await user.client.auth.getSession()
  await supabase.auth.setSession(data.session!)
  const photos = createAttachments({
    supabase,
    bucket: chunk
      ? resumableBucketOf(supabase, bucket, {
          url: api_url,
          key: publishable_key,
          chunk,
          fetch: watching,
        })
      : bucket,
    files: memoryFiles(),
    ...options,
  })
  const sync = createSync({
    supabase,
    storage,
    tables: [table],
    transport: photos.before(functionsTransport(supabase)),
    backoff: { retries: 0 },
  })
  requests.length = 0
  const contacts = photos.table(
    sync.table(table) as unknown as Table<Contact, Partial<Contact>, Partial<Contact>>,
    ['photo'],
  )
  return { sync, photos, contacts, requests }
}

const newTable = () => makeTable(sql, 'name text, photo text')

describe('a file in a column', () => {
  it('is on the device at once, in Storage after a sync, and read by another device', async () => {
    const table = await newTable()
    const a = await device(table)
    const { id, photo } = await a.contacts.insert({ name: 'Ada', photo: image() })
    expect(photo).toMatch(new RegExp(`^${user.id}/[0-9a-f-]{36}\\.png$`))
    expect(await bytesOf(await a.photos.read(photo!))).toEqual(contentOf(10_000))

    await a.sync.sync()
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ id, photo }])
    const b = await device(table)
    await b.sync.sync()
    const row = await b.contacts.get(id)
    const read = await b.photos.read(row!.photo!)
    expect(read.type).toBe('image/png')
    expect(await bytesOf(read)).toEqual(contentOf(10_000))
    b.requests.length = 0
    await b.photos.read(row!.photo!)
    expect(b.requests).toEqual([])
  })

  it('goes up before the row that names it, and holds the row back while it cannot', async () => {
    const table = await newTable()
    let down = true
    const { sync, contacts, requests } = await device(table, {
      onRequest: (_, path) => {
        if (down && path.startsWith('/storage')) throw new TypeError('fetch failed')
      },
    })
    const { id } = await contacts.insert({ name: 'Ada', photo: image() })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await rowsInDatabase(sql, table)).toEqual([])
    down = false
    await contacts.update(id, { name: 'Ada L.' })
    requests.length = 0
    expect(await sync.sync()).toMatchObject({ rejected: 0 })
    expect(requests[0]!.path).toMatch('/storage')
    expect(requests.slice(1).some(({ path }) => path.startsWith('/storage'))).toBe(false)
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ name: 'Ada L.' }])
  })

  it('is not uploaded again where only the answer about its row got lost', async () => {
    const table = await newTable()
    let lost = true
    const setting = {
      files: memoryFiles(),
      storage: memoryStorage(),
      onRequest: (_: string, path: string) => {
        if (lost && path.endsWith('/sync')) throw new TypeError('fetch failed')
      },
    }
    const before = await device(table, setting)
    await before.contacts.insert({ name: 'Ada', photo: image() })
    await expect(before.sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    const uploads = (requests: { path: string }[]) =>
      requests.filter(({ path }) => path.startsWith('/storage')).length
    expect(uploads(before.requests)).toBe(1)
    lost = false
    const after = await device(table, setting)
    await after.sync.sync()
    expect(uploads(after.requests)).toBe(0)
    expect(await rowsInDatabase(sql, table)).toHaveLength(1)
  })

  it('that Storage refuses sets its own edit aside, and no other', async () => {
    const table = await newTable()
    const { sync, contacts, photos } = await device(table)
    await contacts.insert({ name: 'before' })
    await contacts.insert({ name: 'refused', photo: image(10, 'text/html') })
    await contacts.insert({ name: 'after', photo: image() })
    expect(await sync.sync()).toMatchObject({ pushed: 2, rejected: 1 })
    const names = (await rowsInDatabase(sql, table)).map(({ name }) => name)
    expect(names.toSorted()).toEqual(['after', 'before'])
    const [failed] = await sync.queue.list({ status: 'failed' })
    expect(failed).toMatchObject({ data: { name: 'refused' }, error: { code: 'invalid_value' } })

    await sql`update storage.buckets set allowed_mime_types = null where id = ${bucket}`
    await sync.queue.retryFailed()
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
    const row = (await rowsInDatabase(sql, table)).find(({ name }) => name === 'refused')!
    expect(await bytesOf(await photos.read(row.photo as string))).toEqual(contentOf(10))
  })

  it('in a folder of somebody else is refused by the policies of Storage', async () => {
    const table = await newTable()
    const { sync, contacts } = await device(table, { folder: () => randomUUID() })
    await contacts.insert({ name: 'Ada', photo: image() })
    expect(await sync.sync()).toMatchObject({ pushed: 0, rejected: 1 })
    const [failed] = await sync.queue.list({ status: 'failed' })
    expect(failed!.error!.code).toBe('forbidden')
  })

  it('that is large goes on after a restart where it was interrupted', async () => {
    const table = await newTable()
    const setting = { files: memoryFiles(), storage: memoryStorage(), chunk: 100_000 }
    let sent = 0
    const dying = await device(table, {
      ...setting,
      onRequest: (method) => {
        if (method === 'PATCH' && ++sent > 2) throw new TypeError('fetch failed')
      },
    })
    const { photo } = await dying.contacts.insert({ name: 'Ada', photo: image(450_000) })
    await expect(dying.sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })

    const after = await device(table, setting)
    await after.sync.sync()
    const chunks = after.requests.filter(({ method }) => method === 'PATCH')
    expect(chunks.map(({ bytes }) => bytes)).toEqual([100_000, 100_000, 50_000])
    const { data } = await user.client.storage.from(bucket).download(photo!)
    expect(Buffer.compare(await bytesOf(data!), contentOf(450_000))).toBe(0)
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ photo }])
  })

  it('goes up by itself where that is asked for, before any sync', async () => {
    const { photos } = await device(await newTable())
    const paths = await Promise.all([1, 2, 3, 4, 5].map((n) => photos.attach(image(n))))
    expect(await photos.upload()).toBe(5)
    expect(await photos.upload()).toBe(0)
    const { data } = await user.client.storage.from(bucket).download(paths[4]!)
    expect(data!.size).toBe(5)
  })
})

describe.each<[string, () => FileStore]>([
  ['memoryFiles', memoryFiles],
  ['indexedDbFiles', () => indexedDbFiles(randomUUID())],
])('%s', (_, open) => {
  it('keeps a file, tells which wait, and lets go of one', async () => {
    const files = open()
    const file = { path: 'a/b.png', bytes: contentOf(1000), type: 'image/png', uploaded: false }
    await files.put(file)
    await files.put({ ...file, path: 'a/c.png' })
    expect(await files.get('a/b.png')).toEqual(file)
    expect(await files.waiting()).toEqual(['a/b.png', 'a/c.png'])
    await files.put({ ...file, uploaded: true })
    expect(await files.waiting()).toEqual(['a/c.png'])
    await files.delete('a/c.png')
    expect(await files.get('a/c.png')).toBeUndefined()
    expect(await files.waiting()).toEqual([])
  })
})
