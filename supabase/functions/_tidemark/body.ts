import { batchTooLarge, malformed, Refusal } from './refusal.ts'

/** How much of a refused body is taken in so that its sender comes to read the answer. */
const DISCARD_BYTES = 32 * 1024 * 1024

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
    throw new Refusal('unsupported_media_type', {
      details: `Content-Type: ${type}`,
      hint: 'Send application/json.',
    })
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

  if (Number(request.headers.get('content-length')) > limit) throw batchTooLarge()
  const wire = await collect(request.body, limit)
  if (!wire) throw batchTooLarge()

  const bytes = encoding === 'gzip' ? await inflate(wire, limit) : wire
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), bytes: wire.byteLength }
  } catch {
    throw malformed('body', 'is not UTF-8')
  }
}

/**
 * Takes in what is left of a body and throws it away. A sender that is cut off in the middle, or a
 * proxy before it, reports a broken connection instead of passing the answer on.
 */
export async function discardBody(request: Request): Promise<void> {
  if (request.body === null || request.body.locked) return
  const reader = request.body.getReader()
  for (let size = 0; size < DISCARD_BYTES;) {
    const { done, value } = await reader.read()
    if (done) return
    size += value.byteLength
  }
  await reader.cancel()
}

async function inflate(bytes: Uint8Array<ArrayBuffer>, limit: number): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
  let inflated: Uint8Array | undefined
  try {
    inflated = await collect(stream, limit)
  } catch {
    throw malformed('body', 'is not gzip, though Content-Encoding says so')
  }
  if (inflated) return inflated
  await stream.cancel()
  throw batchTooLarge()
}

/** All bytes of a stream. Nothing if there are more than `limit`; the rest is then still to be read. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  limit: number,
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
