import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anonClient, connect, createUser, type TestUser, uniqueName } from '../testing.ts'

const sql = connect()
const bucket = uniqueName('images')
let ada: TestUser
let bob: TestUser

beforeAll(async () => {
  await sql`insert into storage.buckets (id, name) values (${bucket}, ${bucket})`
  for (const [command, clause] of [
    ['select', 'using'],
    ['insert', 'with check'],
    ['update', 'using'],
    ['delete', 'using'],
  ])
    await sql.unsafe(`
      create policy "own folder, ${command}, ${bucket}" on storage.objects
        for ${command} to authenticated
        ${clause} (bucket_id = '${bucket}'
          and (storage.foldername(name))[1] = (select auth.uid())::text)`)
  ;[ada, bob] = await Promise.all([createUser(), createUser()])
})
afterAll(async () => {
  await ada.client.storage.from(bucket).remove([`${ada.id}/a.bin`, `${ada.id}/b.bin`])
  for (const command of ['select', 'insert', 'update', 'delete'])
    await sql.unsafe(`drop policy "own folder, ${command}, ${bucket}" on storage.objects`)
  await sql`delete from storage.buckets where id = ${bucket}`
  await sql.end()
})

const content = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251)

describe('Storage', () => {
  it('gives back what was put in, byte by byte, with its type', async () => {
    const mine = ada.client.storage.from(bucket)
    const path = `${ada.id}/a.bin`
    const put = await mine.upload(path, content, { contentType: 'image/png' })
    expect(put.error).toBeNull()
    expect(put.data!.path).toBe(path)
    const got = await mine.download(path)
    expect(got.data!.type).toBe('image/png')
    expect(new Uint8Array(await got.data!.arrayBuffer())).toEqual(content)
  })

  it('takes the files of a browser too', async () => {
    const path = `${ada.id}/a.bin`
    const file = new File([content], 'a.webp', { type: 'image/webp' })
    const mine = ada.client.storage.from(bucket)
    expect((await mine.upload(path, file, { upsert: true })).error).toBeNull()
    const { data } = await mine.download(path)
    expect(data!.type).toBe('image/webp')
    expect(new Uint8Array(await data!.arrayBuffer())).toEqual(content)
  })

  it('refuses a second object of the same name unless it is to replace the first', async () => {
    const mine = ada.client.storage.from(bucket)
    const path = `${ada.id}/b.bin`
    await mine.upload(path, content)
    const again = await mine.upload(path, new Uint8Array([1]))
    expect(again.error).toMatchObject({ statusCode: '409' })
    expect((await mine.upload(path, new Uint8Array([2]), { upsert: true })).error).toBeNull()
    const { data } = await mine.download(path)
    expect(new Uint8Array(await data!.arrayBuffer())).toEqual(new Uint8Array([2]))
  })

  it('lets the policies of storage.objects decide who reads and writes', async () => {
    const path = `${ada.id}/a.bin`
    for (const client of [bob.client, anonClient()]) {
      const theirs = client.storage.from(bucket)
      expect((await theirs.download(path)).data).toBeNull()
      expect((await theirs.upload(`${ada.id}/c.bin`, content)).error).toMatchObject({
        statusCode: '403',
      })
      expect((await theirs.remove([path])).data ?? []).toEqual([])
    }
    expect((await ada.client.storage.from(bucket).download(path)).error).toBeNull()
  })
})
