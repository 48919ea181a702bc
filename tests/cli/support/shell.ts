import { spawn, type ChildProcess } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { project } from '../../support/markdown.ts'
import { install, installOthers, pack } from '../../support/package.ts'

export interface Ran {
  code: number
  out: string
  err: string
}

/** Nobody's start-up files: bash reads them when it takes its input for a network connection. */
const plain = ['--norc', '--noprofile']

const manifest = '{ "name": "app", "private": true }'

/** A folder that is empty but for its packages, with `npx tidemark` and `npx supabase` as an app has them. */
export class Shell {
  readonly folder: string
  readonly #path: string

  private constructor(folder: string, path: string) {
    this.folder = folder
    this.#path = path
  }

  /**
   * With the package as it would be published, installed, and the machine's own Node and npx. `without`
   * are packages that are not there.
   */
  static async installed(without: string[] = []): Promise<Shell> {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-app-'))
    const folder = join(root, 'app')
    const modules = join(folder, 'node_modules')
    await installOthers(modules, without)
    await install(await pack(root), modules)
    await writeFile(join(folder, 'package.json'), manifest)
    const path = (process.env.PATH ?? '')
      .split(delimiter)
      .filter((entry) => !entry.includes('node_modules'))
    return new Shell(folder, path.join(delimiter))
  }

  /** With the command line as it is in this repository: quicker. */
  static async open(): Promise<Shell> {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-app-'))
    const [folder, bin] = [join(root, 'app'), join(root, 'bin')]
    await mkdir(folder)
    await mkdir(bin)
    await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), manifest)
    const npx = `#!/bin/sh
case "$1" in
  tidemark) shift; exec '${process.execPath}' '${project}cli/main.ts' "$@" ;;
  *) name="$1"; shift; exec '${project}node_modules/.bin/'"$name" "$@" ;;
esac
`
    await writeFile(join(bin, 'npx'), npx)
    await chmod(join(bin, 'npx'), 0o755)
    return new Shell(folder, `${bin}${delimiter}${process.env.PATH}`)
  }

  #environment(more: Record<string, string>): NodeJS.ProcessEnv {
    const { TIDEMARK_STACK: _, BASH_ENV: __, ...rest } = process.env
    return { ...rest, NO_COLOR: '1', ...more, PATH: this.#path }
  }

  /** Runs lines of a shell; a failure is a result, too. */
  async run(script: string, environment: Record<string, string> = {}): Promise<Ran> {
    const child = spawn('bash', [...plain, '-euo', 'pipefail', '-c', script], {
      cwd: this.folder,
      env: this.#environment(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = new Promise<number>((resolve, reject) =>
      child.once('error', reject).once('close', (code) => resolve(code ?? 1)),
    )
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    return { code, out, err }
  }

  /** Starts a command that goes on, in a process group as a terminal makes one; `interrupt` stops it. */
  start(script: string): ChildProcess {
    return spawn('bash', [...plain, '-c', `exec ${script}`], {
      cwd: this.folder,
      env: this.#environment({}),
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
  }

  /** What Ctrl-C does: npx and what it runs hear of it. Resolves when all of them have ended. */
  async interrupt(child: ChildProcess): Promise<void> {
    const ended = new Promise((resolve) => child.once('close', resolve))
    process.kill(-child.pid!, 'SIGINT')
    await ended
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
