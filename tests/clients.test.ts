import { execFile, execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, stack, type TestUser, uniqueName } from '../dev/testing.ts'
import { blocks, read } from './support/markdown.ts'

const page = read('docs/clients.md')
const run = promisify(execFile)

const works = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const curl = works('curl', '--version')
const python = works('python3', '-c', 'import requests')

/** The page's table under a name of its own: other tests make one of that name, too. */
const table = uniqueName('notes')
const mine = (text: string): string => text.replaceAll(/\bnotes\b/g, table)

let sql: Sql
let user: TestUser
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  await sql.unsafe(mine(read('examples/notes/schema.sql')))
  environment = {
    ...process.env,
    API: stack().api_url,
    KEY: stack().publishable_key,
    TOKEN: user.accessToken,
    DEVICE: randomUUID(),
    NOTE: randomUUID(),
  }
})
afterAll(async () => {
  await sql.unsafe(`select tidemark.remove_table('public.${table}'); drop table public.${table}`)
  await sql.end()
})

describe('clients without a library', () => {
  it.skipIf(!curl)(`curl${curl ? '' : ' (not installed here)'}`, async () => {
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', mine(blocks(page, 'sh')[0]!)], {
      env: environment,
    })
    const answer = JSON.parse(stdout) as { changes: { table: string; upsert: object[] }[] }
    expect(answer).toMatchObject({ results: [{ seq: 1, status: 'applied', version: 1 }] })
    expect(answer.changes.find((change) => change.table === table)!.upsert).toMatchObject([
      { body: 'by curl' },
    ])
  })

  it.skipIf(!python)(
    `Python${python ? '' : ' (python3 with requests is not installed here)'}`,
    async () => {
      const { stdout } = await run('python3', ['-c', mine(blocks(page, 'python')[0]!)], {
        env: environment,
      })
      expect(stdout).toContain("'by Python'")
    },
  )
})
