import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { defineCommand } from 'citty'
import { askWhether, canAsk } from './ask.ts'
import { withFunctions } from './config.ts'
import { createOutput, dim, good, strong, warn } from './output.ts'
import { findProject, PUSH, shippedFiles, type ShippedFile } from './project.ts'

/** What becomes of a file: `kept` is one that the project has changed. */
type Fate = 'new' | 'same' | 'replaced' | 'kept'

export const init = defineCommand({
  meta: {
    name: 'init',
    description: 'Copies the migrations and edge functions into a Supabase project.',
  },
  args: {
    dir: {
      type: 'string',
      description: 'the project, by default the one around the current folder',
    },
    force: { type: 'boolean', description: 'replace files that the project has changed, unasked' },
    json: { type: 'boolean', description: 'print the result as json; asks nothing' },
  },
  async run({ args }) {
    const out = createOutput(args.json ?? false)
    const project = findProject(args.dir)
    const files: { path: string; fate: Fate }[] = []
    for (const file of await shippedFiles()) {
      const fate = await place(project.supabase, file, args.force ?? false, out.json)
      files.push({ path: `supabase/${file.path}`, fate })
    }
    const configPath = join(project.supabase, 'config.toml')
    const before = await readFile(configPath, 'utf8')
    const after = withFunctions(before)
    if (after !== before) await writeFile(configPath, after)
    files.push({ path: 'supabase/config.toml', fate: after === before ? 'same' : 'replaced' })

    const count = (fate: Fate): number => files.filter((file) => file.fate === fate).length
    out.line(
      `${good('✓')} ${count('new')} files copied, ${count('replaced')} updated, ${count('same')} as they were`,
    )
    for (const { path } of files.filter(({ fate }) => fate === 'kept'))
      out.line(
        `${warn('!')} ${path} differs from this version of Tidemark and is left alone ${dim('(--force replaces it)')}`,
      )
    out.line()
    out.line(`Next: ${strong('npx tidemark add <table>')} for each table that should sync, then`)
    out.line(`  ${strong(PUSH)}  ${dim('(--remote for the linked project)')}`)
    out.line(`  ${strong('npx supabase functions deploy sync sync-push sync-pull')}`)
    out.result({ files })
  },
})

async function place(
  folder: string,
  { path, content }: ShippedFile,
  force: boolean,
  silent: boolean,
): Promise<Fate> {
  const target = join(folder, path)
  const present = await readFile(target, 'utf8').catch(() => undefined)
  if (present === content) return 'same'
  if (present !== undefined && !force) {
    const replace =
      !silent &&
      canAsk() &&
      (await askWhether(
        `supabase/${path} differs from this version of Tidemark. Replace it?`,
        false,
      ))
    if (!replace) return 'kept'
  }
  await mkdir(dirname(target), { recursive: true })
  await writeFile(target, content)
  return present === undefined ? 'new' : 'replaced'
}
