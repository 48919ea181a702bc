import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const client = fileURLToPath(new URL('src/index.ts', import.meta.url))

/** What an app imports that keeps its rows in IndexedDB; modes such as `auto` and `realtime` need no import. */
const app = `
  import { createSync, indexedDbStorage } from ${JSON.stringify(client)}
  globalThis.app = [createSync, indexedDbStorage]`

/** Bytes as people read them. */
export const kB = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`

/**
 * Bytes, minified and compressed, that `createSync` with `indexedDbStorage` adds to an app in all: nothing is loaded
 * later. Throws where the bundler finds something to load later.
 */
export async function sizeOfClient(): Promise<number> {
  const entry = '\0app'
  const bundle = await rolldown({
    input: entry,
    platform: 'browser',
    plugins: [
      {
        name: 'app',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? app : undefined),
      },
    ],
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  const [chunk, ...others] = output
  if (others.length > 0) throw new Error(`loaded later: ${others.map((file) => file.fileName)}`)
  return gzipSync(chunk.code).length
}
