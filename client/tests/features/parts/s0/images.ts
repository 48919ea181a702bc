import { expect, it } from 'vitest'
import { uniqueName } from '../../../../../dev/testing.ts'
import { createAttachments } from '../../../../src/integrations/attachments/index.ts'
import { createSync, functionsTransport, type Table } from '../../../../src/index.ts'
import { rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'
import { memoryFiles } from '../../../../src/integrations/attachments/files.ts'

interface Photographed {
  id: string
  name: string
  photo: string | null
}

export function images(): void {
  const p = project('name text, photo text')

  it('image upload to Storage before the row that points at it', async () => {
    const bucket = uniqueName('images')
    await p.sql`insert into storage.buckets (id, name) values (${bucket}, ${bucket})`
    await p.sql.unsafe(`
      create policy "own folder of ${bucket}" on storage.objects to authenticated
        using (bucket_id = '${bucket}' and (storage.foldername(name))[1] = (select auth.uid())::text)
        with check (bucket_id = '${bucket}' and (storage.foldername(name))[1] = (select auth.uid())::text)`)
    const { client: supabase } = p.user
    const photos = createAttachments({ supabase, bucket, files: memoryFiles() })
    const server = functionsTransport(supabase)
    const uploaded: number[] = []
    /** Counts what is in the bucket when the row's edit goes out. */
    const counting: typeof server = {
      ...server,
      async sync(request, signal) {
        const [found] = await p.sql<[{ count: number }]>`
          select count(*)::int from storage.objects where bucket_id = ${bucket}`
        uploaded.push(found.count)
        return server.sync!(request, signal)
      },
    }
    const sync = createSync({
      supabase,
      tables: [p.table],
      transport: photos.before(counting),
    })
    const rows = photos.table(
      sync.table(p.table) as unknown as Table<Photographed, Partial<Photographed>>,
      ['photo'],
    )
    const photo = new File([new Uint8Array(20_000).fill(7)], 'ada.jpg', { type: 'image/jpeg' })
    const row = await rows.insert({ name: 'Ada', photo })
    await sync.sync()
    expect(uploaded).toEqual([1])
    expect(await rowsInDatabase(p.sql, p.table)).toMatchObject([{ photo: row.photo }])
    const { data } = await supabase.storage.from(bucket).download(row.photo!)
    expect(new Uint8Array(await data!.arrayBuffer())).toEqual(new Uint8Array(20_000).fill(7))
    await sync.close()
    await supabase.storage.from(bucket).remove([row.photo!])
    await p.sql.unsafe(`drop policy "own folder of ${bucket}" on storage.objects`)
  })
}
