import { AuthError, NetworkError, type SyncError, ValidationError } from '../../model/errors.ts'
import type { StoredFile } from './files.ts'

/** A bucket of Storage, as far as attachments need it. Rejections are `SyncError`s. */
export interface Bucket {
  /**
   * Uploads a file, replacing what is there under its path: the same file of an attempt whose answer got
   * lost. A `ValidationError` says that Storage will never take it.
   */
  upload(file: StoredFile, options: UploadOptions): Promise<void>
  download(path: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; type: string }>
}

export interface UploadOptions {
  signal?: AbortSignal | undefined
  /** Keeps with the file where its upload goes on, should it be interrupted: next time's `file.resume`. */
  remember(resume: string): Promise<void>
}

interface Failure {
  message: string
  status?: number | undefined
  statusCode?: string | undefined
}

interface Answer<T> {
  data: T | null
  error: Failure | null
}

/** The part of a supabase-js client that attachments use. */
export interface StorageClient {
  storage: {
    from(bucket: string): {
      upload(
        path: string,
        body: Uint8Array<ArrayBuffer>,
        options: { upsert: boolean; contentType: string },
      ): Promise<Answer<unknown>>
      download(path: string): PromiseLike<Answer<Blob>>
    }
  }
  auth: {
    getSession(): Promise<{
      data: { session: { user: { id: string }; access_token: string } | null }
    }>
  }
}

/** Statuses that say "later" rather than "no". */
const LATER = new Set([408, 423, 425, 429])

/** Storage words its status in the body, and answers 400 for most. */
export function storageFailure(error: Failure): SyncError {
  const status = Number(error.statusCode ?? error.status ?? 0)
  const failure = { message: `Storage: ${error.message}`, status, cause: error }
  if (/jwt|exp.*claim/i.test(error.message) || status === 401)
    return new AuthError({ ...failure, code: 'not_signed_in' })
  if (status === 403) return new ValidationError({ ...failure, code: 'forbidden' })
  if (status === 413) return new ValidationError({ ...failure, code: 'too_large' })
  if (status >= 400 && status < 500 && !LATER.has(status))
    return new ValidationError({ ...failure, code: 'invalid_value' })
  return new NetworkError({ ...failure, code: status ? `http_${status}` : 'network' })
}

/** A bucket by supabase-js: a file goes up in one request. */
export function bucketOf(client: StorageClient, name: string): Bucket {
  const bucket = client.storage.from(name)
  return {
    async upload({ path, bytes, type }) {
      const { error } = await bucket.upload(path, bytes, {
        upsert: true,
        contentType: type || 'application/octet-stream',
      })
      if (error) throw storageFailure(error)
    },
    async download(path) {
      const { data, error } = await bucket.download(path)
      if (error || !data) throw storageFailure(error ?? { message: 'no content' })
      return { bytes: new Uint8Array(await data.arrayBuffer()), type: data.type }
    },
  }
}
