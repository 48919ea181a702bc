import type { Table, WriteOptions } from '../../api/table.ts'
import { AuthError, ValidationError } from '../../model/errors.ts'
import type { Id } from '../../model/key.ts'
import type { Mutation, PushAnswer, PushRequest, PushResult } from '../../model/wire.ts'
import type { Transport } from '../../transport/transport.ts'
import { uuid } from '../../util/uuid.ts'
import { type Bucket, bucketOf, type StorageClient } from './bucket.ts'
import type { FileStore, StoredFile } from './files.ts'

export { bucketOf, type Bucket, type StorageClient } from './bucket.ts'
export { indexedDbFiles, memoryFiles, type FileStore, type StoredFile } from './files.ts'
export { resumableBucketOf } from './resumable.ts'

/** What {@link createAttachments} takes. */
export interface AttachmentOptions {
  /** The app's own supabase-js client. */
  supabase: StorageClient
  /** Name of a bucket, or a bucket: `resumableBucketOf(…)` for large files. */
  bucket: string | Bucket
  /** Where files wait, and are kept to be read offline. */
  files: FileStore
  /** Folder in the bucket, without slashes around it. Default: the id of the signed-in user. */
  folder?: () => string | Promise<string>
  /** Uploads at the same time. Default 3. */
  together?: number
}

/** Columns that take a file beside the path that becomes of it. */
export type WithFiles<R, Column extends PropertyKey> = {
  [C in keyof R]: C extends Column ? R[C] | Blob : R[C]
}

/** Files of rows: on the device at once, in Storage before the row that names them is sent. */
export interface Attachments {
  /**
   * A table whose `columns` take a `Blob` (a `File`): it is stored on the device, and the column holds the
   * path that it will have in the bucket.
   */
  table<R, Insert, Update, Column extends keyof R & string>(
    table: Table<R, Insert, Update>,
    columns: readonly Column[],
  ): Table<R, WithFiles<Insert, Column>, WithFiles<Update, Column>>
  /** Stores a file on the device. Resolves to its path in the bucket. */
  attach(file: Blob): Promise<string>
  /**
   * The file: from the device, else from Storage, and then kept on the device. Rejects with a `SyncError`
   * where neither has it.
   */
  read(path: string): Promise<Blob>
  /** Removes a file from the device. One that was not uploaded is lost. */
  forget(path: string): Promise<void>
  /** Uploads what waits, without waiting for rows to be sent. Resolves to how many files went up. */
  upload(signal?: AbortSignal): Promise<number>
  /** A transport that uploads the files of rows before it sends the rows. */
  before(transport: Transport): Transport
}

/**
 * Files in columns. The row names the path from the start; its edit is sent when the file is in Storage,
 * so nobody sees a path without its file. A file that Storage refuses (its policies, its size, its type)
 * sets that one edit aside as `rejected`; all others go on.
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

  async function folder(): Promise<string> {
    if (options.folder) return options.folder()
    const { session } = (await supabase.auth.getSession()).data
    if (session) return session.user.id
    throw new AuthError({
      code: 'not_signed_in',
      message: 'Whose folder a file belongs to is not known while nobody is signed in.',
      hint: 'Say so: createAttachments({ folder: () => … }).',
    })
  }

  async function attach(file: Blob): Promise<string> {
    const path = `${await folder()}/${uuid()}${extensionOf(file)}`
    const bytes = new Uint8Array(await file.arrayBuffer())
    await files.put({ path, bytes, type: file.type, uploaded: false })
    return path
  }

  async function replaceFiles(row: unknown, columns: readonly string[]): Promise<never> {
    const result = { ...(row as Record<string, unknown>) }
    for (const column of columns) {
      const value = result[column]
      if (value instanceof Blob) result[column] = await attach(value)
    }
    return result as never
  }

  /** One file at a time by path, also where two pushes want it. */
  const underway = new Map<string, Promise<void>>()

  function uploadOne(file: StoredFile, signal?: AbortSignal): Promise<void> {
    const running = underway.get(file.path)
    if (running) return running
    const started = (async () => {
      await bucket.upload(file, {
        signal,
        remember: (resume) => files.put({ ...file, resume }),
      })
      const { path, bytes, type } = file
      await files.put({ path, bytes, type, uploaded: true })
    })().finally(() => underway.delete(file.path))
    underway.set(file.path, started)
    return started
  }

  /** Uploads the files of one edit. Resolves to why it has to be set aside, where that is so. */
  async function uploadFor(
    { seq }: Mutation,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<StoredFile['refused']> {
    for (const path of paths) {
      const file = await files.get(path)
      if (!file || file.uploaded) continue
      // Asked again, the answer is the same, so that a batch sent twice is the same batch.
      if (file.refused?.seq === seq) return file.refused
      try {
        await uploadOne(file, signal)
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error
        const refused = { seq, code: codeOf(error), message: error.message }
        await files.put({ ...file, refused })
        return refused
      }
    }
    return undefined
  }

  /** Uploads the files of a batch; the edits whose files are refused are left out and answered here. */
  async function ready<Request extends PushRequest>(
    request: Request,
    signal: AbortSignal,
  ): Promise<{ request: Request; refused: PushResult[] }> {
    const waiting = new Set(await files.waiting())
    if (waiting.size === 0) return { request, refused: [] }
    const withFiles = request.mutations
      .map((mutation) => ({
        mutation,
        paths: Object.values(mutation.data ?? {}).filter((value) =>
          waiting.has(value as string),
        ) as string[],
      }))
      .filter(({ paths }) => paths.length > 0)
    const refused: PushResult[] = []
    await each(withFiles, together, async ({ mutation, paths }) => {
      const why = await uploadFor(mutation, paths, signal)
      if (why)
        refused.push({
          seq: mutation.seq,
          status: 'rejected',
          error: { code: why.code, message: why.message },
        } as PushResult)
    })
    if (refused.length === 0) return { request, refused }
    const left = new Set(refused.map(({ seq }) => seq))
    const mutations = request.mutations.filter(({ seq }) => !left.has(seq))
    return { request: { ...request, mutations }, refused }
  }

  const withRefused = <Answer extends PushAnswer>(
    answer: Answer,
    refused: PushResult[],
  ): Answer => ({
    ...answer,
    results: [...answer.results, ...refused],
  })

  return {
    attach,
    table<R, Insert, Update>(table: Table<R, Insert, Update>, columns: readonly string[]) {
      return {
        ...table,
        insert: async (row: unknown, how?: WriteOptions) =>
          table.insert(await replaceFiles(row, columns), how),
        insertMany: async (rows: readonly unknown[], how?: WriteOptions) =>
          table.insertMany(await Promise.all(rows.map((row) => replaceFiles(row, columns))), how),
        update: async (id: Id, patch: unknown, how?: WriteOptions) =>
          table.update(id, await replaceFiles(patch, columns), how),
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
    async upload(signal) {
      let done = 0
      await each(await files.waiting(), together, async (path) => {
        const file = await files.get(path)
        if (!file || file.uploaded || file.refused) return
        await uploadOne(file, signal)
        done++
      })
      return done
    },
    before(transport) {
      const { sync } = transport
      return {
        ...transport,
        async push(request, signal) {
          const { request: rest, refused } = await ready(request, signal)
          if (rest.mutations.length === 0 && refused.length > 0)
            return { results: refused, last_seq: 0, server_time: new Date().toISOString() }
          return withRefused(await transport.push(rest, signal), refused)
        },
        ...(sync && {
          async sync(request, signal) {
            const { request: rest, refused } = await ready(request, signal)
            return withRefused(await sync(rest, signal), refused)
          },
        }),
      }
    },
  }
}

const codeOf = ({ code }: ValidationError): 'forbidden' | 'too_large' | 'invalid_value' =>
  code === 'forbidden' || code === 'too_large' ? code : 'invalid_value'

/** The ending of a file's name, with its dot; of a nameless one what its type says. */
function extensionOf(file: Blob): string {
  const name = 'name' in file ? String(file.name) : ''
  const ending = /\.[a-z0-9]{1,10}$/i.exec(name)?.[0] ?? ''
  return ending || (/^\w+\/([a-z0-9]{1,10})$/.exec(file.type)?.[1] ?? '').replace(/^(?=.)/, '.')
}

/** Runs `work` on every item, so many at a time. After the first failure no more are begun. */
async function each<T>(
  items: readonly T[],
  together: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (!failed && next < items.length) {
      try {
        await work(items[next++]!)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(together, items.length) }, worker))
}
