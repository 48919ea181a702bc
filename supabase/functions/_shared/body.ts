import { batchTooLarge, malformed, Refusal } from './refusal.ts'

/** Past a limit, this much more of a body is taken in and thrown away so that its sender reads the answer. */
const DRAIN_BYTES = 32 * 1024 * 1024

export interface Body {
  text: string
  /** Size on the wire, before decompression. */
  bytes: number
}

/**
 * The body of a request as text, decompressed.
 *
 * @throws {Refusal} `unsupported_media_type`: not JSON, or an encoding other than gzip ·
 * `batch_too_large`: more than `limit` bytes, counted while they come in and again while they unfold,
 * so that neither a wrong Content-Length nor a small file that unfolds to gigabytes fills the memory ·
 * `malformed`: broken gzip or broken UTF-8
 */
export async function readBody(request: Request, limit: number): Promise<Body> {
  const type = request.headers.get('content-type')
  if (type !== null && !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type.trim())) {
    throw new Refusal('unsupported_media_type', { details: `Content-Type: ${type}`, hint: 'Send application/json.' })
  }
  const encoding = (request.headers.get('content-encoding') ?? 'identity').trim().toLowerCase()
  if (encoding !== 'identity' && encoding !== 'gzip') {
    throw new Refusal('unsupported_media_type', {
      details: `Content-Encoding: ${encoding}`,
      hint: 'Send the body as it is, or gzip.',
      headers: { 'accept-encoding': 'gzip' },
    })
  }
  if (request.body === null) throw malformed('body', 'is empty')

  const declared = Number(request.headers.get('content-length') ?? 0)
  const wire = declared > limit ? (await drain(request.body), undefined) : await collect(request.body, limit)
  if (!wire) throw batchTooLarge()

  const bytes = encoding === 'gzip' ? await inflate(wire, limit) : wire
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), bytes: wire.byteLength }
  } catch {
    throw malformed('body', 'is not UTF-8')
  }
}

async function inflate(bytes: Uint8Array<ArrayBuffer>, limit: number): Promise<Uint8Array> {
  let inflated: Uint8Array | undefined
  try {
    inflated = await collect(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')), limit, 0)
  } catch {
    throw malformed('body', 'is not gzip, though Content-Encoding says so')
  }
  if (!inflated) throw batchTooLarge()
  return inflated
}

/** All bytes of a stream; nothing if there are more than `limit`. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  drainBytes = DRAIN_BYTES,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.byteLength
    if (size > limit) {
      reader.releaseLock()
      await drain(stream, drainBytes)
      return undefined
    }
    chunks.push(value)
  }
  const all = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    all.set(chunk, offset)
    offset += chunk.byteLength
  }
  return all
}

/**
 * Reads on without keeping anything, then closes the stream. A sender that is cut off in mid-body
 * sees a broken connection instead of the answer.
 */
async function drain(stream: ReadableStream<Uint8Array>, limit = DRAIN_BYTES): Promise<void> {
  const reader = stream.getReader()
  let size = 0
  while (size < limit) {
    const { done, value } = await reader.read()
    if (done) return
    size += value.byteLength
  }
  await reader.cancel()
}
