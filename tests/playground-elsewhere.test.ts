import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { noBrowser } from '../client/tests/browser/chromium.ts'
import { buildPage, pageDir, pageIsFresh } from '../dev/page.ts'
import { freePort } from '../dev/ports.ts'
import { startStack, type Stack } from '../dev/stack.ts'
import { project } from './support/markdown.ts'

const WAIT = 20_000

let folder: string
let other: Stack
let sql: Sql
let web: Server
let browser: Browser
let page: Page

/** Any web server: it knows the page's files and nothing else. */
function serveFiles(): Promise<Server> {
  const types: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css' }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://localhost')
    const name = pathname === '/' ? 'index.html' : pathname
    readFile(join(pageDir, name)).then(
      (body) => response.setHeader('content-type', types[extname(name)] ?? 'text/html').end(body),
      () => response.writeHead(404).end(),
    )
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

beforeAll(async () => {
  if (noBrowser) return
  if (!(await pageIsFresh())) expect(await buildPage().done).toBeUndefined()
  folder = await mkdtemp(join(tmpdir(), 'tidemark-elsewhere-'))
  other = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
  })
  sql = postgres(other.info.db_url, { max: 2, onnotice: () => {} })
  web = await serveFiles()
  // Its sandbox needs rights that a container does not give.
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  web?.close()
  await sql?.end()
  await other?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
})

describe('the playground, with a project that does not serve it', () => {
  const asked: string[] = []

  beforeEach(async (test) => {
    if (noBrowser) return test.skip(noBrowser)
    const context = await browser.newContext()
    context.setDefaultTimeout(WAIT)
    page = await context.newPage()
    asked.length = 0
    page.on('request', (request) => asked.push(request.url()))
    return () => context.close()
  })

  const home = (): string => `http://127.0.0.1:${(web.address() as AddressInfo).port}/`
  const contact = (device: string, name: string) =>
    page
      .getByRole('region', { name: device, exact: true })
      .getByRole('article', { name, exact: true })

  it('shows what to apply where the tables are missing, and works by URL and key once they are there', async () => {
    const { api_url, publishable_key } = other.info
    const query = new URLSearchParams({ url: api_url, key: publishable_key })
    await page.goto(`${home()}?${query}`)
    await page.getByText('This project lacks the demo tables.').waitFor()
    const shown = await page.locator('pre').textContent()
    expect(shown).toBe(await readFile(join(project, 'examples/playground/schema.sql'), 'utf8'))

    await sql.unsafe(shown!)
    await page.reload()
    await contact('Ada’s phone', 'Grace Hopper').waitFor()
    await contact('Ada’s laptop', 'Grace Hopper').waitFor()
    const notes = contact('Ada’s phone', 'Grace Hopper').getByLabel('notes')
    await notes.fill('from elsewhere')
    await notes.press('Enter')
    await expect
      .poll(() => contact('Ada’s laptop', 'Grace Hopper').getByLabel('notes').inputValue(), {
        timeout: WAIT,
      })
      .toBe('from elsewhere')
    expect(
      await sql`select name from playground.contacts where notes = 'from elsewhere'`,
    ).toHaveLength(1)
    const strangers = asked.filter(
      (url) => !url.startsWith(home()) && !url.startsWith(api_url) && !url.startsWith('data:'),
    )
    expect(strangers).toEqual([])
  }, 120_000)

  it('asks for URL, key and account where nobody names them, and plays as that user', async () => {
    const ready = await sql`select to_regclass('playground.contacts') is not null as there`
    if (!ready[0]!.there)
      await sql.unsafe(await readFile(join(project, 'examples/playground/schema.sql'), 'utf8'))
    const { api_url, publishable_key } = other.info
    const account = { email: 'mine@example.com', password: 'a password of mine' }
    const answer = await fetch(`${api_url}/auth/v1/signup`, {
      method: 'POST',
      headers: { apikey: publishable_key, 'content-type': 'application/json' },
      body: JSON.stringify(account),
    })
    const { user } = (await answer.json()) as { user: { id: string } }

    await page.goto(home())
    await page.getByLabel('URL of the project').fill(`${api_url}/`)
    await page.getByLabel('Its publishable key').fill(publishable_key)
    await page.getByLabel('E-mail address').fill(account.email)
    await page.getByLabel('Password').fill('not mine')
    await page.getByRole('button', { name: 'Connect' }).click()
    // A slip: the form is there again, with what was right.
    await page.getByRole('alert').waitFor()
    expect(await page.getByLabel('URL of the project').inputValue()).toBe(api_url)
    await page.getByLabel('E-mail address').fill(account.email)
    await page.getByLabel('Password').fill(account.password)
    await page.getByRole('button', { name: 'Connect' }).click()
    await contact('Ada’s laptop', 'Hedy Lamarr').waitFor()
    const names = await sql`select name from playground.contacts where user_id = ${user.id}`
    expect(names).toHaveLength(3)
  }, 120_000)
})
