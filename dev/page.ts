import { spawn, type ChildProcess } from 'node:child_process'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { guard, stopProcess } from './processes.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const folder = join(project, 'playground')
/** Where the gateway finds the built page. */
export const pageDir = join(folder, 'dist')

/** What goes into the page. */
const sources = ['playground/src', 'playground/index.html', 'client/src', 'examples/playground']

async function newest(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined)
  if (!info) return 0
  if (!info.isDirectory()) return info.mtimeMs
  const times = (await readdir(path)).map((name) => newest(join(path, name)))
  return Math.max(0, ...(await Promise.all(times)))
}

/** Whether the page is built and none of its sources is newer. */
export async function pageIsFresh(): Promise<boolean> {
  const built = await newest(join(pageDir, 'index.html'))
  const times = await Promise.all(sources.map((source) => newest(join(project, source))))
  return built > Math.max(...times)
}

/** A build under way. */
export interface PageBuild {
  /** Undefined where all is well, else what Vite says. */
  done: Promise<string | undefined>
  stop(): Promise<void>
}

/** Builds the playground beside what is there, and puts it in its place when it is whole. */
export function buildPage(): PageBuild {
  const beside = join(folder, `dist.${process.pid}`)
  const vite = join(project, 'node_modules', 'vite', 'bin', 'vite.js')
  const child: ChildProcess = spawn(
    process.execPath,
    [vite, 'build', folder, '--outDir', beside, '--logLevel', 'error'],
    {
      cwd: project,
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  )
  const keeper = guard(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
  async function finish(): Promise<string | undefined> {
    const code = await ended
    keeper.kill('SIGKILL')
    if (code === 0) {
      const before = `${beside}.old`
      await rename(pageDir, before).catch(() => {})
      // Fails where another build of the same sources was quicker.
      await rename(beside, pageDir).catch(() => rm(beside, { recursive: true, force: true }))
      await rm(before, { recursive: true, force: true })
      return undefined
    }
    await rm(beside, { recursive: true, force: true })
    return output.trim() || `vite ended with ${code}`
  }
  const done = finish().catch((error: Error) => error.message)
  return {
    done,
    async stop() {
      await stopProcess(child, 'SIGTERM')
      await done
    },
  }
}

// npm run build:page
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = await buildPage().done
  if (problem !== undefined) {
    console.error(problem)
    process.exit(1)
  }
  console.log('playground/dist is built')
}
