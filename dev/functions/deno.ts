import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Packages come from node_modules and nothing is downloaded, so functions run offline after npm ci. */
export function denoFlags(functionsDir: string): string[] {
  const config = ['_tidemark/deno.json', 'deno.json']
    .map((name) => join(functionsDir, name))
    .find((file) => existsSync(file))
  return [
    ...(config ? ['--config', config] : ['--no-config']),
    '--node-modules-dir=manual',
    '--cached-only',
    '--no-lock',
    '--quiet',
  ]
}

export function denoEnvironment(): Record<string, string> {
  const cache = join(root, 'node_modules', '.cache', 'deno')
  mkdirSync(cache, { recursive: true })
  return {
    PATH: process.env.PATH ?? '',
    HOME: cache,
    DENO_DIR: cache,
    DENO_NO_UPDATE_CHECK: '1',
    ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
  }
}
