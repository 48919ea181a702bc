import type { Table, WriteOptions } from '../../api/table.ts'
import { AuthError } from '../../model/errors.ts'
import type { Id } from '../../model/key.ts'
import type { Transport } from '../../transport/transport.ts'
import { uuid } from '../../util/uuid.ts'
import { type Bucket, bucketOf, type StorageClient } from './bucket.ts'
import type { FileStore, StoredFile } from './files.ts'
import { createUploads, withUploads } from './uploads.ts'

export { bucketOf, type Bucket, type StorageClient } from './bucket.ts'
export { indexedDbFiles, memoryFiles, type FileStore, type StoredFile } from './files.ts'
export { resumableBucketOf } from './resumable.ts'

/** Options of {@link createAttachments}. */
export interface AttachmentOptions {
  /** The app's own supabase-js client. */
  supabase: StorageClient
  /** Name of a bucket, or a bucket: `resumableBucketOf(…)` for large files. */
  bucket: string | Bucket
  /** Stores files on the device. */
  files: FileStore
  /** Folder in the bucket, without slashes around it. Default: the id of the signed-in user. */
  folder?: () => string | Promise<string>
  /** Number of uploads at the same time. Default 3. */
  together?: number
}

/** A type of rows whose `Column`s accept a file in place of its path. */
export type WithFiles<R, Column extends PropertyKey> = {
  [C in keyof R]: C extends Column ? R[C] | Blob : R[C]
}

/** Files of rows. A file is stored on the device at once, and in Storage before its row is sent. */
export interface Attachments {
  /**
   * A table whose `columns` accept a `Blob` (a `File`). The file is stored on the device, and the column holds its
   * path in the bucket.
   */
  table<R, Insert, Update, Column extends keyof R & string>(
    table: Table<R, Insert, Update>,
    columns: readonly Column[],
  ): Table<R, WithFiles<Insert, Column>, WithFiles<Update, Column>>
  /** Stores a file on the device. Resolves to its path in the bucket. */
  attach(file: Blob): Promise<string>
  /**
   * Reads a file from the device, or from Storage, after which it is stored on the device. Rejects with a `SyncError`
   * where neither has the file.
   */
  read(path: string): Promise<Blob>
  /** Removes a file from the device. A file that was not uploaded is lost. */
  forget(path: string): Promise<void>
  /** Uploads files without waiting for their rows to be sent. Resolves to the number of uploaded files. */
  upload(signal?: AbortSignal): Promise<number>
  /** A transport that uploads the files of edits before it sends the edits. */
  before(transport: Transport): Transport
}

/**
 * Files in columns of rows. A column holds the path of its file. The edit is sent when the file is in Storage, so that
 * other devices see no path without a file. Where Storage refuses a file (its policies, its size, its type), only the
 * edit with that file is rejected.
 *
 * ```ts
 * const photos = createAttachments({ supabase, bucket: 'photos', files: indexedDbFiles('app-files') })
 * const sync = createSync({ supabase, tables: ['contacts'], transport: photos.before(functionsTransport(supabase)) })
 * const contacts = photos.table(sync.table('contacts'), ['photo'])
 * await contacts.insert({ name: 'Ada', photo: file })
 * ```
 */
export function createAttachments(options: AttachmentOptions): Attachments {
  const { supabase, files, together = 3 } = options
  const bucket =
    typeof options.bucket === 'string' ? bucketOf(supabase, options.bucket) : options.bucket
  const uploads = createUploads({ bucket, files, together })

  async function folder(): Promise<string> {
    if (options.folder) return options.folder()
    const { session } = (await supabase.auth.getSession()).data
    if (session) return session.user.id
    throw new AuthError({
      code: 'not_signed_in',
      message: 'A file needs a folder, and no user is signed in.',
      hint: 'Sign a user in, or name the folder: createAttachments({ folder: () => … }).',
    })
  }

  async function attach(file: Blob): Promise<string> {
    const path = `${await folder()}/${uuid()}${extensionOf(file)}`
    const bytes = new Uint8Array(await file.arrayBuffer())
    await files.put({ path, bytes, type: file.type, uploaded: false })
    return path
  }

  /** A row whose files are stored on the device and replaced by their paths. */
  async function storeFiles(row: unknown, columns: readonly string[]): Promise<never> {
    const result = { ...(row as Record<string, unknown>) }
    for (const column of columns) {
      const value = result[column]
      if (value instanceof Blob) result[column] = await attach(value)
    }
    return result as never
  }

  return {
    attach,
    table<R, Insert, Update>(table: Table<R, Insert, Update>, columns: readonly string[]) {
      return {
        ...table,
        insert: async (row: unknown, writeOptions?: WriteOptions) =>
          table.insert(await storeFiles(row, columns), writeOptions),
        insertMany: async (rows: readonly unknown[], writeOptions?: WriteOptions) =>
          table.insertMany(
            await Promise.all(rows.map((row) => storeFiles(row, columns))),
            writeOptions,
          ),
        update: async (id: Id, patch: unknown, writeOptions?: WriteOptions) =>
          table.update(id, await storeFiles(patch, columns), writeOptions),
      } as never
    },
    async read(path) {
      let file: Pick<StoredFile, 'bytes' | 'type'> | undefined = await files.get(path)
      if (!file) {
        file = await bucket.download(path)
        await files.put({ path, ...file, uploaded: true })
      }
      return new Blob([file.bytes], { type: file.type })
    },
    forget: (path) => files.delete(path),
    upload: (signal) => uploads.uploadAll(signal),
    before: (transport) => withUploads(transport, uploads),
  }
}

/** The extension of a file's name, with its dot; of a file without a name, the one of its MIME type. */
function extensionOf(file: Blob): string {
  const name = 'name' in file ? String(file.name) : ''
  const ending = /\.[a-z0-9]{1,10}$/i.exec(name)?.[0] ?? ''
  return ending || (/^\w+\/([a-z0-9]{1,10})$/.exec(file.type)?.[1] ?? '').replace(/^(?=.)/, '.')
}
