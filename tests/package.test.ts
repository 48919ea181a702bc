import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kB, sizeOfClient } from '../client/size.ts'
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
  const theirs = ['@supabase', '@tanstack', '@types', 'idb', 'react', 'zod', 'tslib', 'iceberg-js']
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
       const sync = createSync({ tables: ['notes'] })
       await sync.table('notes').insert({ id: 'a', body: 'x' })
       const { provider } = await sync.health()
       console.log((await sync.table('notes').list()).length, provider)
       console.log([resolvers.merge, createSyncFromEnv, reduxSync, useRows, tidemarkCollectionOptions, createAttachments].every((f) => typeof f === 'function'))
       await sync.close()`,
    )
    const { stdout } = await run(process.execPath, ['app.js'], { cwd: app })
    expect(stdout).toBe('1 no_provider\ntrue\n')
  })

  it('fails with a code where a part cannot be loaded, and nothing is changed', async () => {
    const app = join(folder, 'half')
    const modules = join(app, 'node_modules')
    await mkdir(modules, { recursive: true })
    await cp(installed, join(modules, 'tidemark'), { recursive: true })
    for (const name of ['@supabase', 'idb'])
      await symlink(join(project, 'node_modules', name), join(modules, name))
    const dist = join(modules, 'tidemark', 'dist')
    const parts = (await readdir(dist)).filter((name) => /^(queue|scheduling)-/.test(name))
    expect(parts).toHaveLength(2)
    for (const name of parts) await rm(join(dist, name))
    await writeFile(join(app, 'package.json'), '{"type":"module"}')
    await writeFile(
      join(app, 'app.js'),
      `import { createSync, NetworkError } from 'tidemark'
       const sync = createSync({ tables: ['notes'], mode: 'periodic' })
       sync.on('sync_error', ({ code }) => console.log('told', code))
       await sync.ready()
       await sync.table('notes').insert({ id: 'a', body: 'x' })
       const error = await sync.queue.clear().catch((error) => error)
       console.log(error instanceof NetworkError, error.code)
       console.log(sync.status().pending, (await sync.table('notes').get('a')).body)
       await sync.close()`,
    )
    const { stdout } = await run(process.execPath, ['app.js'], { cwd: app })
    expect(stdout).toBe('told not_loaded\ntrue not_loaded\n1 x\n')
  })

  it('is as small as the README says', async () => {
    const size = await sizeOfClient()
    console.log(
      `client: ${size.core} bytes minified and compressed, ${size.adapter} for the storage in memory, ${size.later} on demand`,
    )
    expect(size.core).toBeLessThan(CEILING)
    const [, told] = /The client adds ([\d.]+ kB) to an app/.exec(read('README.md')) ?? []
    // Every edit of the client moves it by some bytes; what is told may be a little behind.
    expect([-100, 0, 100].map((bytes) => kB(size.core + bytes))).toContain(told)
  })
})

/** Bytes that the core may have at most. */
const CEILING = 15_000
