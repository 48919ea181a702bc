import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildPackage } from '../../client/build.ts'
import { project } from './markdown.ts'

const run = promisify(execFile)

/** Builds and packs what would be published, below `folder`, and gives the tarball's path. */
export async function pack(folder: string): Promise<string> {
  const source = join(folder, 'source')
  await mkdir(source, { recursive: true })
  await buildPackage(join(source, 'dist'), 'silent')
  for (const name of ['package.json', 'LICENSE', 'README.md', 'supabase'])
    await cp(join(project, name), join(source, name), { recursive: true })
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: source })
  const [file] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
  return join(folder, file!)
}

/** Puts a packed package into a `node_modules`, as npm does without its dependencies. */
export async function install(tarball: string, modules: string): Promise<string> {
  const folder = join(modules, 'tidemark')
  await mkdir(folder, { recursive: true })
  await run('tar', ['xzf', tarball, '-C', folder, '--strip-components=1'])
  const { bin } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    bin: Record<string, string>
  }
  await mkdir(join(modules, '.bin'), { recursive: true })
  for (const [name, file] of Object.entries(bin))
    await symlink(join('..', 'tidemark', file), join(modules, '.bin', name))
  return folder
}

/**
 * The packages of this repository in another `node_modules`, where no registry is needed: files are
 * shared, folders are not. Without `node`, so that the machine's own runs there.
 */
export async function installOthers(modules: string, without: string[] = []): Promise<void> {
  const left = new Set(['.cache', '.vite', '.vite-temp', 'node', ...without])
  const from = join(project, 'node_modules')
  await mkdir(modules, { recursive: true })
  const names = (await readdir(from)).filter((name) => !left.has(name))
  const sources = names.map((name) => join(from, name))
  await run('cp', ['-al', ...sources, modules]).catch(() => run('cp', ['-a', ...sources, modules]))
  await rm(join(modules, '.bin', 'node'), { force: true })
}
