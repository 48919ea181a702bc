import { createHash, randomUUID } from 'node:crypto'
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { App } from '@supabase/lite'

type Adapter = NonNullable<App['_storageAdapter']>
type Metadata = Awaited<ReturnType<Adapter['headObject']>>

/**
 * Keeps Storage's objects as files: content and what describes it, under a name made of a hash, so that
 * no object's name leads out of the folder.
 */
export function filesOf(folder: string): Adapter {
  const fileOf = (bucket: string, key: string): string => join(folder, hash(bucket), hash(key))

  async function describe(file: string): Promise<Metadata> {
    const { lastModified, ...rest } = JSON.parse(
      await readFile(`${file}.json`, 'utf8'),
    ) as Metadata & { lastModified: string }
    return { ...rest, lastModified: new Date(lastModified) }
  }

  async function remove(bucket: string, key: string): Promise<void> {
    const file = fileOf(bucket, key)
    await rm(`${file}.json`, { force: true })
    await rm(file, { force: true })
  }

  return {
    driver: null,
    async uploadObject(bucket, key, _version, body, mimetype, cacheControl) {
      const content = body instanceof Uint8Array ? body : await drain(body as ReadableStream)
      const file = fileOf(bucket, key)
      const metadata: Metadata = {
        cacheControl,
        mimetype,
        contentLength: content.byteLength,
        size: content.byteLength,
        eTag: `"${createHash('md5').update(content).digest('hex')}"`,
        lastModified: new Date(),
        httpStatusCode: 200,
      }
      await replace(file, content)
      await replace(`${file}.json`, JSON.stringify(metadata))
      return metadata
    },
    async getObject(bucket, key) {
      const file = fileOf(bucket, key)
      const [metadata, body] = await Promise.all([describe(file), readFile(file)])
      return { metadata, httpStatusCode: 200, body }
    },
    headObject: (bucket, key) => describe(fileOf(bucket, key)),
    deleteObject: remove,
    async deleteObjects(bucket, keys) {
      await Promise.all(keys.map((key) => remove(bucket, key)))
    },
    async copyObject(sourceBucket, source, _version, targetBucket, target) {
      const [from, to] = [fileOf(sourceBucket, source), fileOf(targetBucket, target)]
      await mkdir(dirname(to), { recursive: true })
      await copyFile(from, to)
      await copyFile(`${from}.json`, `${to}.json`)
      const { eTag, lastModified } = await describe(to)
      return { eTag, lastModified: lastModified!, httpStatusCode: 200 }
    },
    async privateAssetUrl(bucket, key) {
      return `file://${fileOf(bucket, key)}`
    },
  }
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Writes a file so that a reader finds the old content or the new. */
async function replace(file: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const passing = `${file}.${randomUUID()}`
  await writeFile(passing, content)
  await rename(passing, file)
}

const drain = async (stream: ReadableStream): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())
