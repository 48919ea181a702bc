import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../dev/ports.ts'
import { startStack, type Stack } from '../../dev/stack.ts'
import { project } from '../support/markdown.ts'
import { type Ran, Shell } from './support/shell.ts'

/** What the Supabase CLI does without Docker, on a database that holds the migrations and nothing else. */
let shell: Shell
let stack: Stack
let folder: string

beforeAll(async () => {
  shell = await Shell.open()
  folder = await mkdtemp(join(tmpdir(), 'tidemark-supabase-'))
  stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
    functions: false,
  })
}, 60_000)
afterAll(async () => {
  await stack.stop()
  await rm(folder, { recursive: true })
  await shell.close()
})

async function supabase(command: string): Promise<Ran> {
  const ran = await shell.run(
    `npx supabase --workdir '${project}' ${command} --remote='${stack.info.db_url}'`,
  )
  expect(ran.code, ran.out + ran.err).toBe(0)
  return ran
}

it('the advisors find nothing, neither of security nor of performance', async () => {
  const { out, err } = await supabase('db advisors')
  expect(out + err).toContain('No issues found')
})

it('db push finds every migration applied, once and again', async () => {
  for (let i = 0; i < 2; i++) {
    const { out, err } = await supabase('db push --yes')
    expect(out + err).toContain('Remote database is up to date')
  }
})

it('migration list shows each of them here and there', async () => {
  const { out } = await supabase('migration list')
  const versions = [...out.matchAll(/\b(\d{14})\b/g)].map(([, version]) => version!)
  expect(versions.filter((version) => version === '20261121000100')).toHaveLength(2)
  expect(versions.filter((version) => version === '20261121001200')).toHaveLength(2)
})

it('gen types shows the functions that a client calls, and no part of the engine', async () => {
  const { out } = await supabase('gen types')
  expect(out).toMatch(/\bsync_push\b/)
  expect(out).not.toContain('sync_changes')
})
