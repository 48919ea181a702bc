import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const client = fileURLToPath(new URL('src/index.ts', import.meta.url))

/** Bytes, minified and compressed. */
export interface Size {
  /** What an app loads to begin with, without storage adapters. */
  core: number
  /** What the storage in memory adds, which is the default. */
  adapter: number
  /** What is loaded when it is first asked for, from conflicts and repair to realtime and the queue's lists. */
  later: number
}

/** Bytes as people read them. */
export const kB = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`

/** What `createSync` adds to an app that imports nothing else. */
export async function sizeOfClient(): Promise<Size> {
  const all = await bundle([])
  const { begin } = await bundle(['/storage/memory.ts'])
  return { core: begin, adapter: all.begin - begin, later: all.later }
}

/** Bytes that are loaded at the beginning and on demand; `without` are ends of the paths of what is left out. */
async function bundle(without: readonly string[]): Promise<{ begin: number; later: number }> {
  const entry = '\0app'
  const bundle = await rolldown({
    input: entry,
    platform: 'browser',
    external: (id) => without.some((end) => id.endsWith(end)),
    plugins: [
      {
        name: 'app',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) =>
          id === entry
            ? `import { createSync } from ${JSON.stringify(client)}; globalThis.app = createSync`
            : undefined,
      },
    ],
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true })
  await bundle.close()
  const chunks = new Map(
    output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])),
  )
  // What the entry imports is loaded with it; what is only imported on demand is not.
  const beginning = new Set<string>()
  const visit = (name: string): void => {
    const chunk = chunks.get(name)
    if (!chunk || beginning.has(name)) return
    beginning.add(name)
    for (const other of chunk.imports) visit(other)
  }
  for (const { isEntry, fileName } of chunks.values()) if (isEntry) visit(fileName)
  const size = { begin: 0, later: 0 }
  for (const { fileName, code } of chunks.values())
    size[beginning.has(fileName) ? 'begin' : 'later'] += gzipSync(code).length
  return size
}
