import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { project } from '../../support/markdown.ts'

export interface Ran {
  code: number
  out: string
  err: string
}

/** A folder that is empty but for its packages, with `npx tidemark` and `npx supabase` as an app has them. */
export class Shell {
  readonly folder: string
  readonly #bin: string

  private constructor(folder: string, bin: string) {
    this.folder = folder
    this.#bin = bin
  }

  static async open(): Promise<Shell> {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-app-'))
    const [folder, bin] = [join(root, 'app'), join(root, 'bin')]
    await mkdir(folder)
    await mkdir(bin)
    await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "name": "app", "private": true }')
    const npx = `#!/bin/sh
case "$1" in
  tidemark) shift; exec '${process.execPath}' '${project}cli/main.ts' "$@" ;;
  *) name="$1"; shift; exec '${project}node_modules/.bin/'"$name" "$@" ;;
esac
`
    await writeFile(join(bin, 'npx'), npx)
    await chmod(join(bin, 'npx'), 0o755)
    return new Shell(folder, bin)
  }

  #environment(more: Record<string, string>): NodeJS.ProcessEnv {
    const { TIDEMARK_STACK: _, ...rest } = process.env
    return { ...rest, NO_COLOR: '1', ...more, PATH: `${this.#bin}:${process.env.PATH}` }
  }

  /** Runs lines of a shell; a failure is a result, too. */
  run(script: string, environment: Record<string, string> = {}): Promise<Ran> {
    return new Promise((resolve) => {
      execFile(
        'bash',
        ['-euo', 'pipefail', '-c', script],
        { cwd: this.folder, env: this.#environment(environment), maxBuffer: 1 << 26 },
        (error, out, err) => {
          const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0
          resolve({ code, out, err })
        },
      )
    })
  }

  /** Starts a command that goes on; whoever starts it stops it. */
  start(script: string): ChildProcess {
    return spawn('bash', ['-c', `exec ${script}`], {
      cwd: this.folder,
      env: this.#environment({}),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  }

  async write(path: string, content: string): Promise<void> {
    const file = join(this.folder, path)
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, content)
  }

  async close(): Promise<void> {
    await rm(join(this.folder, '..'), { recursive: true, force: true })
  }
}
