import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'
import postgres, { type Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { noBrowser } from '../client/tests/browser/chromium.ts'
import { buildPage, pageIsFresh } from '../dev/page.ts'
import { freePort } from '../dev/ports.ts'
import { startStack, type Stack } from '../dev/stack.ts'

const WAIT = 15_000

let folder: string
let stack: Stack
let sql: Sql
let browser: Browser
let context: BrowserContext
let page: Page
let strangers: string[]
let problems: string[]

beforeAll(async () => {
  if (noBrowser) return
  if (!(await pageIsFresh())) expect(await buildPage().done).toBeUndefined()
  folder = await mkdtemp(join(tmpdir(), 'tidemark-playground-'))
  stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
    page: true,
  })
  sql = postgres(stack.info.db_url, { max: 2, onnotice: () => {} })
  // Its sandbox needs rights that a container does not give.
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await sql?.end()
  await stack?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
})

describe('the playground', () => {
  beforeEach(async (test) => {
    if (noBrowser) return test.skip(noBrowser)
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    context.setDefaultTimeout(WAIT)
    page = await context.newPage()
    strangers = []
    problems = []
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(stack.info.api_url) && !url.startsWith('data:')) strangers.push(url)
    })
    page.on('pageerror', (error) => problems.push(String(error)))
    await page.goto(`${stack.info.api_url}/`)
    await contact(phone(), 'Grace Hopper').waitFor()
    await item(laptop(), 'Tent').waitFor()
  }, 60_000)
  afterEach(async () => {
    await context?.close()
    expect(problems).toEqual([])
    expect(strangers).toEqual([])
  })

  const device = (name: string): Locator => page.getByRole('region', { name, exact: true })
  const phone = (): Locator => device('Ada’s phone')
  const laptop = (): Locator => device('Ada’s laptop')
  const contact = (of: Locator, name: string): Locator =>
    of.getByRole('article', { name, exact: true })
  const item = (of: Locator, name: string): Locator => of.getByLabel(`${name} is packed`)
  const online = (of: Locator): Locator => of.getByRole('switch', { name: 'Online' })
  const edit = async (field: Locator, value: string): Promise<void> => {
    await field.fill(value)
    await field.press('Enter')
  }
  const button = (of: Locator, name: string): Locator =>
    of.getByRole('button', { name, exact: true })
  const story = (of: Locator): Locator => of.getByRole('list', { name: 'What happened' })
  const quiet = (of: Locator): Promise<void> => of.getByText(/^online, 0 edits wait$/).waitFor()
  const eventually = (locator: Locator, text: string | RegExp): Promise<void> =>
    locator.filter({ hasText: text }).first().waitFor()

  it('merges what two devices edit offline, and says who won where both changed the same', async () => {
    await quiet(phone())
    await quiet(laptop())
    await online(phone()).click()
    await online(laptop()).click()
    const here = contact(phone(), 'Grace Hopper')
    const there = contact(laptop(), 'Grace Hopper')
    await edit(here.getByLabel('tags'), 'navy, cobol')
    await edit(here.getByLabel('phone'), '555 0101')
    await button(here, 'One visit more').click()
    await edit(there.getByLabel('tags'), 'navy, yale')
    await edit(there.getByLabel('phone'), '555 0202')
    await button(there, 'One visit more').click()
    await button(there, 'One visit more').click()
    expect(await here.getAttribute('data-state')).toBe('waiting')
    await here.getByText('not sent yet').waitFor()

    // The later edit arrives first, so that the earlier one loses its phone.
    await online(laptop()).click()
    await quiet(laptop())
    await online(phone()).click()
    await quiet(phone())

    await eventually(
      story(phone()),
      /phone stays “555 0202”, “555 0101” gives way \(the later edit wins\)/,
    )
    await eventually(story(phone()), /tags is now “navy, yale, cobol”/)
    await expect.poll(() => there.getByLabel('visits', { exact: true }).textContent()).toBe('6')
    for (const card of [here, there]) {
      expect(await card.getByLabel('phone').inputValue()).toBe('555 0202')
      expect(await card.getByLabel('tags').inputValue()).toBe('navy, yale, cobol')
      expect(await card.getByLabel('visits', { exact: true }).textContent()).toBe('6')
    }
  })
})
