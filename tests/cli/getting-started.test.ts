import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../dev/ports.ts'
import { startStack } from '../../dev/stack.ts'
import { blocks, read } from '../support/markdown.ts'
import { type Ran, Shell } from './support/shell.ts'

const page = read('docs/getting-started.md')
const [createProject, bringIn, push, doctor, call] = blocks(page, 'sh')

let shell: Shell
let port: number
let dbPort: number

beforeAll(async () => {
  shell = await Shell.installed()
  port = await freePort()
  dbPort = await freePort()
}, 240_000)
afterAll(() => shell.close())

function expectSuccess(ran: Ran): Ran {
  expect(ran.code, ran.out + ran.err).toBe(0)
  return ran
}

it(
  'the page leads from an empty folder to a row that is pulled',
  { timeout: 300_000 },
  async () => {
    expectSuccess(await shell.run(createProject!))
    await shell.write('supabase/migrations/20260101000000_notes.sql', blocks(page, 'sql')[0]!)
    expectSuccess(await shell.run(bringIn!))

    // A new project's database, with no migration in it.
    const empty = join(shell.folder, '..', 'empty')
    await mkdir(empty)
    const dataDir = join(shell.folder, '.tidemark')
    const fresh = await startStack({
      port,
      dbPort,
      dataDir,
      functions: false,
      migrationsDir: empty,
    })
    const environment = { DB_URL: fresh.info.db_url }
    try {
      const first = expectSuccess(await shell.run(push!, environment))
      expect(first.out + first.err).toContain('_sync_public_notes.sql')
      const second = expectSuccess(await shell.run(push!, environment))
      expect(second.out + second.err).toContain('Remote database is up to date')
      expect(expectSuccess(await shell.run(doctor!, environment)).out).toContain('nothing is wrong')
    } finally {
      await fresh.stop()
    }

    const dev = shell.start(`npx tidemark dev --port ${port} --db-port ${dbPort}`)
    try {
      const key = await readyKey(dev.stdout!)
      const { out } = expectSuccess(
        await shell.run(call!, { API: `http://127.0.0.1:${port}`, KEY: key }),
      )
      const [pushed, pulled] = out
        .split(/(?<=\})(?=\{)/)
        .map((text) => JSON.parse(text) as Record<string, unknown>)
      expect(pushed).toMatchObject({ results: [{ seq: 1, status: 'applied', version: 1 }] })
      expect(pulled).toMatchObject({
        changes: [{ table: 'notes', upsert: [{ body: 'written offline' }], remove: [] }],
        more: false,
      })
    } finally {
      await shell.interrupt(dev)
    }
  },
)

function readyKey(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    output.on('data', (chunk) => {
      text += String(chunk)
      const key = /^ready: .*key (\S+),/m.exec(text)?.[1]
      if (key) resolve(key)
    })
    output.once('end', () => reject(new Error(`tidemark dev ended: ${text}`)))
  })
}
