import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sizeOfClient } from '../client/size.ts'
import { project, read } from './support/markdown.ts'
import { install, pack } from './support/package.ts'

const run = promisify(execFile)

let folder: string
let tarball: Uint8Array
let installed: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-package-'))
  const file = await pack(folder)
  tarball = new Uint8Array(await readFile(file))

  const modules = join(folder, 'app', 'node_modules')
  installed = await install(file, modules)
  const theirs = [
    '@noble',
    '@supabase',
    '@tanstack',
    '@types',
    'idb',
    'react',
    'zod',
    'tslib',
    'iceberg-js',
  ]
  for (const name of theirs)
    await symlink(join(project, 'node_modules', name), join(modules, name)).catch(() => {})
}, 240_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the package', () => {
  it('ships the client, the migrations and the functions, and nothing that tests or builds them', async () => {
    expect((await readdir(installed)).sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist',
      'package.json',
      'supabase',
    ])
    const shipped = await readdir(join(installed, 'supabase'), { recursive: true })
    const migrations = await readdir(join(project, 'supabase', 'migrations'))
    for (const name of migrations) expect(shipped).toContain(join('migrations', name))
    for (const name of ['sync', 'sync-push', 'sync-pull'])
      expect(shipped).toContain(join('functions', name, 'index.ts'))
    expect(shipped.filter((name) => /test/.test(name))).toEqual([])
  })

  it('passes publint', async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true })
    expect(messages).toEqual([])
  })

  it('has types that every resolver of ES modules finds', async () => {
    const checked = await checkPackage(createPackageFromTarballData(tarball))
    if (!checked.types) throw new Error('no types')
    // What is only ES modules cannot be required by old CommonJS, and old resolvers know no exports.
    const expected = new Set(['CJSResolvesToESM', 'NoResolution'])
    const problems = checked.problems.filter(
      (problem) =>
        !expected.has(problem.kind) ||
        (problem.kind === 'NoResolution' && problem.resolutionKind !== 'node10'),
    )
    expect(problems).toEqual([])
  })

  it('runs where it is installed, without the parts that an app does not use', async () => {
    const app = join(folder, 'app')
    await writeFile(join(app, 'package.json'), '{"type":"module"}')
    await writeFile(
      join(app, 'app.js'),
      `import { createSync, resolvers } from 'tidemark'
       import { createSyncFromEnv } from 'tidemark/env'
       import { reduxSync } from 'tidemark/redux'
       import { useRows } from 'tidemark/react'
       import { tidemarkCollectionOptions } from 'tidemark/tanstack'
       import { createAttachments } from 'tidemark/attachments'
       import { repair } from 'tidemark/maintenance'
       const sync = createSync({ tables: ['notes'] })
       await sync.table('notes').insert({ id: 'a', body: 'x' })
       await repair(sync)
       const { provider } = await sync.health()
       console.log((await sync.table('notes').list()).length, provider)
       console.log([resolvers.merge, createSyncFromEnv, reduxSync, useRows, tidemarkCollectionOptions, createAttachments].every((f) => typeof f === 'function'))
       await sync.close()`,
    )
    const { stdout } = await run(process.execPath, ['app.js'], { cwd: app })
    expect(stdout).toBe('1 no_provider\ntrue\n')
  })

  it('loads nothing later: what an app imports is there offline', async () => {
    const dist = join(installed, 'dist')
    const files = (await readdir(dist)).filter((name) => name.endsWith('.js'))
    expect(files).toContain('index.js')
    for (const name of files)
      expect([name, await readFile(join(dist, name), 'utf8')]).not.toEqual([
        name,
        expect.stringMatching(/\bimport\s*\(/),
      ])
  })

  it('is as large as the README says, within a tenth', async () => {
    const size = await sizeOfClient()
    console.log(`createSync with IndexedDB, auto and realtime: ${size} bytes`)
    const [, told] = /adds ([\d.]+) kB to an app/.exec(read('README.md')) ?? []
    expect(size / 1000).toBeLessThan(1.1 * Number(told))
    expect(size / 1000).toBeGreaterThan(0.9 * Number(told))
  })
})
