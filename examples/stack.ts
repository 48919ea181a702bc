import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { applyOnce } from '../dev/migrate.ts'
import { freePort } from '../dev/ports.ts'
import { startStack, type StackInfo } from '../dev/stack.ts'

export interface ExampleStack {
  info: StackInfo
  stop(): Promise<void>
}

/** A stack for this run alone, with an example's tables, in a temporary folder that goes with it. */
export async function ownStack(example: string): Promise<ExampleStack> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-example-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const { info, stop } = await startStack({
      port: await freePort(),
      dbPort: await freePort(),
      dataDir: join(folder, 'data'),
      example,
    })
    return { info, stop: () => stop().then(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

/** A stack that runs already, by its stack.json. What the example adds to it stays. */
export async function runningStack(example: string, file: string): Promise<ExampleStack> {
  const info = JSON.parse(await readFile(file, 'utf8')) as StackInfo
  const schema = fileURLToPath(new URL(`${example}/schema.sql`, import.meta.url))
  await applyOnce(info.db_url, schema, `examples/${example}/schema.sql`)
  return { info, stop: async () => {} }
}
