import { AuthError, NetworkError, type SyncError, ValidationError } from '../../model/errors.ts'
import type { StoredFile } from './files.ts'

/** A bucket of Supabase Storage. Every rejection is a `SyncError`. */
export interface Bucket {
  /**
   * Uploads a file. Replaces a file with the same path, which an earlier attempt uploaded whose response was lost.
   * Rejects with a `ValidationError` where Storage refuses the file for good.
   */
  upload(file: StoredFile, options: UploadOptions): Promise<void>
  download(path: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; type: string }>
}

export interface UploadOptions {
  signal?: AbortSignal | undefined
  /** Stores the URL at which an interrupted upload continues; the next attempt finds it in `file.resume`. */
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

/** The methods of a supabase-js client that attachments use. */
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

/** Statuses of the 4xx range after which a retry makes sense. */
const RETRYABLE_STATUSES = new Set([408, 423, 425, 429])

/** The `SyncError` of an error of Storage, which puts the status in the body and answers most errors with 400. */
export function storageFailure(error: Failure): SyncError {
  const status = Number(error.statusCode ?? error.status ?? 0)
  const failure = { message: `Storage: ${error.message}`, status, cause: error }
  if (/jwt|exp.*claim/i.test(error.message) || status === 401)
    return new AuthError({ ...failure, code: 'not_signed_in' })
  if (status === 403) return new ValidationError({ ...failure, code: 'forbidden' })
  if (status === 413) return new ValidationError({ ...failure, code: 'too_large' })
  if (status >= 400 && status < 500 && !RETRYABLE_STATUSES.has(status))
    return new ValidationError({ ...failure, code: 'invalid_value' })
  return new NetworkError({ ...failure, code: status ? `http_${status}` : 'network' })
}

/** A bucket of supabase-js, which uploads a file in one request. */
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
