import { ValidationError } from '../../model/errors.ts'
import type { Mutation, PushAnswer, PushRequest, PushResult } from '../../model/wire.ts'
import type { Transport } from '../../transport/transport.ts'
import type { Bucket } from './bucket.ts'
import type { FileStore, StoredFile } from './files.ts'

/** Uploads of files that are stored on the device. */
export interface Uploads {
  /** Uploads every file that is not in Storage. Resolves to their number. */
  uploadAll(signal?: AbortSignal): Promise<number>
  /**
   * Uploads the files of the mutations of a request. Mutations whose files Storage refuses are taken out of the
   * request, and come with a result `rejected`.
   */
  uploadFor<Request extends PushRequest>(
    request: Request,
    signal: AbortSignal,
  ): Promise<{ request: Request; rejected: PushResult[] }>
}

export interface UploadsDeps {
  bucket: Bucket
  files: FileStore
  /** Uploads at the same time. */
  together: number
}

export function createUploads({ bucket, files, together }: UploadsDeps): Uploads {
  /** Uploads under way by path: concurrent pushes share the upload of a file. */
  const underway = new Map<string, Promise<void>>()

  function uploadFile(file: StoredFile, signal?: AbortSignal): Promise<void> {
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

  /** Uploads the files of one mutation. Resolves to why Storage refuses one of them; undefined where it does not. */
  async function uploadFilesOf(
    { seq }: Mutation,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<StoredFile['refused']> {
    for (const path of paths) {
      const file = await files.get(path)
      if (!file || file.uploaded) continue
      // A batch that is sent again must have the same mutations, so the stored refusal is repeated.
      if (file.refused?.seq === seq) return file.refused
      try {
        await uploadFile(file, signal)
      } catch (error) {
        if (!(error instanceof ValidationError)) throw error
        const refused = { seq, code: codeOf(error), message: error.message }
        await files.put({ ...file, refused })
        return refused
      }
    }
    return undefined
  }

  return {
    async uploadAll(signal) {
      let uploaded = 0
      await forEachConcurrently(await files.waiting(), together, async (path) => {
        const file = await files.get(path)
        if (!file || file.uploaded || file.refused) return
        await uploadFile(file, signal)
        uploaded++
      })
      return uploaded
    },

    async uploadFor(request, signal) {
      const waiting = new Set(await files.waiting())
      if (waiting.size === 0) return { request, rejected: [] }
      const withFiles = request.mutations
        .map((mutation) => ({
          mutation,
          paths: Object.values(mutation.data ?? {}).filter((value) =>
            waiting.has(value as string),
          ) as string[],
        }))
        .filter(({ paths }) => paths.length > 0)
      const rejected: PushResult[] = []
      await forEachConcurrently(withFiles, together, async ({ mutation, paths }) => {
        const refused = await uploadFilesOf(mutation, paths, signal)
        if (!refused) return
        const error = { code: refused.code, message: refused.message }
        rejected.push({ seq: mutation.seq, status: 'rejected', error } as PushResult)
      })
      if (rejected.length === 0) return { request, rejected }
      const rejectedSeqs = new Set(rejected.map(({ seq }) => seq))
      const mutations = request.mutations.filter(({ seq }) => !rejectedSeqs.has(seq))
      return { request: { ...request, mutations }, rejected }
    },
  }
}

/** A transport that uploads the files of mutations before it sends the mutations. */
export function withUploads(transport: Transport, uploads: Uploads): Transport {
  const { sync } = transport
  return {
    ...transport,
    async push(request, signal) {
      const { request: remaining, rejected } = await uploads.uploadFor(request, signal)
      if (remaining.mutations.length === 0 && rejected.length > 0)
        return { results: rejected, last_seq: 0, server_time: new Date().toISOString() }
      return withResults(await transport.push(remaining, signal), rejected)
    },
    ...(sync && {
      async sync(request, signal) {
        const { request: remaining, rejected } = await uploads.uploadFor(request, signal)
        return withResults(await sync(remaining, signal), rejected)
      },
    }),
  }
}

const withResults = <Answer extends PushAnswer>(answer: Answer, results: PushResult[]): Answer => ({
  ...answer,
  results: [...answer.results, ...results],
})

const codeOf = ({ code }: ValidationError): 'forbidden' | 'too_large' | 'invalid_value' =>
  code === 'forbidden' || code === 'too_large' ? code : 'invalid_value'

/** Runs `work` on every item, on `limit` items at the same time. After a failure begins no more items. */
async function forEachConcurrently<T>(
  items: readonly T[],
  limit: number,
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
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
}
