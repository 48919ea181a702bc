import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { root as packageRoot } from '../dev/root.ts'
import { CliError } from './errors.ts'

/** A Supabase project's folder: the one that holds `supabase/config.toml`. */
export interface Project {
  root: string
  supabase: string
}

/** Looks upward from `from`, as the Supabase CLI does. */
export function findProject(from = process.cwd()): Project {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'supabase', 'config.toml')))
      return { root: folder, supabase: join(folder, 'supabase') }
    if (folder === dirname(folder)) break
  }
  throw new CliError(
    'no_project',
    `there is no Supabase project in ${resolve(from)} or above it: run "npx supabase init" first`,
  )
}

/** A file of this package that belongs into a project. Paths are relative to the `supabase` folder. */
export interface ShippedFile {
  path: string
  content: string
}

/** The migrations and functions, in order. */
export async function shippedFiles(): Promise<ShippedFile[]> {
  const root = join(packageRoot, 'supabase')
  const migrations = (await readdir(join(root, 'migrations')))
    .filter((name) => /^\d+_tidemark_.*\.sql$/.test(name))
    .sort()
    .map((name) => `migrations/${name}`)
  const functions = (
    await readdir(join(root, 'functions'), { recursive: true, withFileTypes: true })
  )
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
    .filter((path) => !path.startsWith('functions/tests/') && !path.endsWith('.lock'))
    .sort()
  return Promise.all(
    [...migrations, ...functions].map(async (path) => ({
      path,
      content: await readFile(join(root, path), 'utf8'),
    })),
  )
}

/** Applies Tidemark's migrations, which may be older by date than the project's own last one. */
export const PUSH = 'npx supabase db push --include-all'

/** The edge functions, by the names they are deployed under. */
export const FUNCTIONS = ['sync', 'sync-push', 'sync-pull'] as const
