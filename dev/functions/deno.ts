import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { modules, root } from '../root.ts'

const cache = join(modules, '.cache', 'deno')

/**
 * For this package's own functions packages come from node_modules and nothing is downloaded. Those of
 * another project may name packages that only Deno fetches, as a hosted project's runtime does; what
 * Tidemark's functions need is taken from where Tidemark found it.
 */
export function denoFlags(functionsDir: string): string[] {
  const config = ['_tidemark/deno.json', 'deno.json']
    .map((name) => join(functionsDir, name))
    .find((file) => existsSync(file))
  if (functionsDir.startsWith(root + sep))
    return [
      ...(config ? ['--config', config] : ['--no-config']),
      '--node-modules-dir=manual',
      '--cached-only',
      '--no-lock',
      '--quiet',
    ]
  return [
    '--no-config',
    ...(config ? ['--import-map', localImportMap(config)] : []),
    '--node-modules-dir=none',
    '--no-lock',
    '--quiet',
  ]
}

/** A copy of a deno.json whose npm packages are files, where they are installed. */
function localImportMap(config: string): string {
  const { imports = {} } = JSON.parse(readFileSync(config, 'utf8')) as {
    imports?: Record<string, string>
  }
  const local = Object.entries(imports).map(([name, target]) => [name, fileOf(target) ?? target])
  mkdirSync(cache, { recursive: true })
  const file = join(cache, `imports-${process.pid}.json`)
  writeFileSync(file, JSON.stringify({ imports: Object.fromEntries(local) }))
  return file
}

/** `npm:name@version/path` as the address of a file, undefined where the package is not installed. */
function fileOf(target: string): string | undefined {
  const [, name, path = ''] = /^npm:((?:@[^/]+\/)?[^@/]+)(?:@[^/]+)?(\/.*)?$/.exec(target) ?? []
  if (!name) return undefined
  try {
    return import.meta.resolve(name + path)
  } catch {
    return undefined
  }
}

export function denoEnvironment(): Record<string, string> {
  mkdirSync(cache, { recursive: true })
  return {
    PATH: process.env.PATH ?? '',
    HOME: cache,
    DENO_DIR: cache,
    DENO_NO_UPDATE_CHECK: '1',
    ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
  }
}
