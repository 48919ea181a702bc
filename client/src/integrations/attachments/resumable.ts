import { AuthError, NetworkError } from '../../model/errors.ts'
import { type Bucket, bucketOf, type StorageClient, storageFailure } from './bucket.ts'

/** Options of {@link resumableBucketOf}. */
export interface ResumableOptions {
  /** The project's URL, as given to `createClient`. */
  url: string
  /** The project's publishable key. */
  key: string
  /** Bytes in one request. Hosted projects require the default, 6 MiB. */
  chunk?: number
  /** The function that sends requests. Default: the global `fetch`. */
  fetch?: typeof globalThis.fetch
}

const VERSION_HEADER = { 'tus-resumable': '1.0.0' }

/**
 * A bucket with resumable uploads (TUS): files are uploaded in chunks, and an interrupted upload continues, also after
 * a restart. A file of at most one chunk is uploaded in one request.
 */
export function resumableBucketOf(
  client: StorageClient,
  name: string,
  { url, key, chunk = 6 * 1024 * 1024, fetch = globalThis.fetch }: ResumableOptions,
): Bucket {
  const plainBucket = bucketOf(client, name)

  async function send(
    method: string,
    to: string,
    headers: Record<string, string>,
    { body, signal }: { body?: Uint8Array<ArrayBuffer>; signal?: AbortSignal | undefined } = {},
  ): Promise<Response> {
    const { session } = (await client.auth.getSession()).data
    if (!session) throw notSignedInError()
    const response = await fetch(to, {
      method,
      headers: {
        ...VERSION_HEADER,
        apikey: key,
        authorization: `Bearer ${session.access_token}`,
        ...headers,
      },
      ...(body && { body }),
      ...(signal && { signal }),
    })
    if (response.ok) return response
    const text = await response.text()
    throw storageFailure({ status: response.status, message: text, ...parseError(text) })
  }

  /** Number of bytes that the server has received; undefined where it does not know the upload, or has deleted it. */
  async function offsetOf(upload: string, signal?: AbortSignal): Promise<number | undefined> {
    try {
      return Number((await send('HEAD', upload, {}, { signal })).headers.get('upload-offset'))
    } catch (error) {
      if (error instanceof NetworkError || error instanceof AuthError) throw error
      return undefined
    }
  }

  return {
    download: (path) => plainBucket.download(path),
    async upload(file, { signal, remember }) {
      const { path, bytes, type } = file
      if (bytes.byteLength <= chunk) return plainBucket.upload(file, { signal, remember })
      let upload = file.resume
      let offset = upload && (await offsetOf(upload, signal))
      if (upload === undefined || typeof offset !== 'number') {
        const metadata = { bucketName: name, objectName: path, ...(type && { contentType: type }) }
        const created = await send(
          'POST',
          `${url}/storage/v1/upload/resumable`,
          {
            'x-upsert': 'true',
            'upload-length': String(bytes.byteLength),
            'upload-metadata': Object.entries(metadata)
              .map(([field, value]) => `${field} ${base64(value)}`)
              .join(','),
          },
          { signal },
        )
        upload = new URL(created.headers.get('location')!, url).href
        offset = 0
        await remember(upload)
      }
      while (offset < bytes.byteLength) {
        const headers = {
          'content-type': 'application/offset+octet-stream',
          'upload-offset': String(offset),
        }
        const body = bytes.slice(offset, offset + chunk)
        const sent = await send('PATCH', upload, headers, { body, signal })
        offset = Number(sent.headers.get('upload-offset'))
      }
    },
  }
}

const notSignedInError = (): AuthError =>
  new AuthError({
    code: 'not_signed_in',
    message: 'No user is signed in.',
    hint: 'Files are uploaded when a user signs in.',
  })

/** An error body of Storage; empty where it is not JSON. */
function parseError(text: string): { message?: string; statusCode?: string } {
  try {
    return JSON.parse(text) as object
  } catch {
    return {}
  }
}

const base64 = (text: string): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
