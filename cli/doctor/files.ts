import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { withFunctions } from '../config.ts'
import { type Project, PUSH, shippedFiles } from '../project.ts'
import type { Finding } from './finding.ts'

/** The project's folder against what this version of Tidemark ships. */
export async function checkFiles(project: Project): Promise<Finding[]> {
  const findings: Finding[] = []
  const absent: string[] = []
  const changed: string[] = []
  for (const { path, content } of await shippedFiles()) {
    const present = await readFile(join(project.supabase, path), 'utf8').catch(() => undefined)
    if (present === undefined) absent.push(path)
    else if (present !== content) changed.push(path)
  }
  const migrations = absent.filter((path) => path.startsWith('migrations/'))
  if (migrations.length > 0)
    findings.push({
      check: 'migration_missing',
      level: 'error',
      problem: `${migrations.length} of Tidemark's migrations are not in supabase/migrations, first ${migrations[0]}.`,
      mend: `npx tidemark init && ${PUSH}`,
    })
  const functions = absent.filter((path) => path.startsWith('functions/'))
  if (functions.length > 0)
    findings.push({
      check: 'function_missing',
      level: 'warning',
      problem: `${functions.length} of the edge functions' files are not in supabase/functions, first ${functions[0]}.`,
      mend: 'npx tidemark init && npx supabase functions deploy sync sync-push sync-pull',
    })
  for (const path of changed)
    findings.push({
      check: 'file_changed',
      level: 'warning',
      problem: `supabase/${path} is not what this version of Tidemark ships.`,
      mend: 'Keep changes of your own in migrations of your own; npx tidemark init --force brings the original back.',
    })
  const config = await readFile(join(project.supabase, 'config.toml'), 'utf8')
  if (functions.length === 0 && withFunctions(config) !== config)
    findings.push({
      check: 'config_missing',
      level: 'warning',
      problem:
        'supabase/config.toml has no section for one of the functions, so that they cannot find their packages.',
      mend: 'npx tidemark init',
    })
  return findings
}

const SOURCE = /\.(?:[cm]?[jt]sx?|vue|svelte)$/
const SKIP = new Set(['node_modules', '.git', '.tidemark', 'dist', 'build', '.next', 'supabase'])

/** The tables that the app's sources give to `createSync`, with the file that names them. */
export async function tablesOfApp(root: string): Promise<Map<string, string>> {
  const tables = new Map<string, string>()
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (!SKIP.has(entry.name)) await walk(path)
      } else if (SOURCE.test(entry.name)) {
        const text = await readFile(path, 'utf8')
        for (const name of tablesOf(text)) tables.set(name, path.slice(root.length + 1))
      }
    }
  }
  await walk(root)
  return tables
}

/** Literal names in the `tables` of calls of createSync: plain strings, and objects with a `name`. */
export function tablesOf(source: string): string[] {
  return [
    ...source.matchAll(
      /createSync(?:FromEnv)?\s*(?:<[^>]*>)?\s*\(\s*\{[\s\S]*?tables\s*:\s*\[([\s\S]*?)\]/g,
    ),
  ].flatMap(([, list = '']) => [
    ...[...list.matchAll(/\bname\s*:\s*['"]([\w.]+)['"]/g)].map(([, name]) => name!),
    ...[...list.replaceAll(/\{[\s\S]*?\}/g, '').matchAll(/['"]([\w.]+)['"]/g)].map(
      ([, name]) => name!,
    ),
  ])
}
