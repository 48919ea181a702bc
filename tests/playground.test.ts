import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AxeBuilder } from '@axe-core/playwright'
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
  const tablet = (): Locator => device('Bob’s tablet')
  const inspector = (): Locator => device('Inspector')
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

  /** Fails by what axe calls serious or critical. */
  async function serious(schemes: readonly ('light' | 'dark')[] = ['light']): Promise<void> {
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme })
      const { violations } = await new AxeBuilder({ page }).analyze()
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      expect(grave.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
    }
  }

  /** The README's pictures are taken again by SCREENSHOTS=1 npm test -- vitest tests/playground.test.ts */
  async function picture(
    name: string,
    colorScheme: 'light' | 'dark',
    of: Page | Locator = page,
  ): Promise<void> {
    if (!process.env.SCREENSHOTS) return
    await page.emulateMedia({ colorScheme })
    await page.evaluate(() => window.scrollTo(0, 0))
    const path = fileURLToPath(new URL(`../playground/screenshots/${name}.jpg`, import.meta.url))
    await of.screenshot({ path, type: 'jpeg', quality: 70 })
  }

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
  }, 120_000)

  it('lets a person decide what no rule decides, field by field', async () => {
    await quiet(phone())
    await quiet(laptop())
    await online(phone()).click()
    await online(laptop()).click()
    await edit(contact(phone(), 'Alan Turing').getByLabel('notes'), 'owes me a book')
    await edit(contact(phone(), 'Alan Turing').getByLabel('name'), 'Alan M. Turing')
    await edit(contact(laptop(), 'Alan Turing').getByLabel('notes'), 'likes running')
    await edit(contact(laptop(), 'Alan Turing').getByLabel('name'), 'Dr Turing')
    await online(laptop()).click()
    await quiet(laptop())
    await online(phone()).click()
    await button(phone(), 'Decide').click()

    const dialog = page.getByRole('dialog')
    await eventually(dialog, /Suggested, \d+ % sure/)
    await dialog.getByLabel('Alan M. Turing').check()
    await dialog.getByLabel('likes running').check()
    await serious(['dark'])
    await picture('conflict', 'dark')
    await button(dialog, 'Use what is picked').click()
    await dialog.waitFor({ state: 'detached' })
    for (const card of [contact(phone(), 'Alan M. Turing'), contact(laptop(), 'Alan M. Turing')]) {
      await card.waitFor()
      await expect.poll(() => card.getByLabel('notes').inputValue()).toBe('likes running')
    }
    await button(phone(), 'Decide').waitFor({ state: 'detached' })
  }, 120_000)

  it('brings a trip to whoever is invited, and takes it away again', async () => {
    await page.getByRole('button', { name: 'Bring in Bob, another user' }).click()
    await quiet(tablet())
    await button(phone(), 'Invite Bob').click()
    await item(tablet(), 'Tent').check()
    await expect.poll(() => item(phone(), 'Tent').isChecked()).toBe(true)
    await serious()
    await picture('trip', 'light')
    await button(phone(), 'Remove Bob').click()
    await item(tablet(), 'Tent').waitFor({ state: 'detached' })
    await eventually(story(tablet()), 'its rows have left this device')
    await tablet().getByText('No trip is shared with this user.').waitFor()
    await item(laptop(), 'Tent').waitFor()
  }, 120_000)

  it('survives a kill in mid-sync: an edit whose answer was lost is taken once', async () => {
    await quiet(phone())
    const name = `Once ${stack.info.publishable_key.slice(-4)}`
    await phone().getByLabel('Syncs').selectOption('manual')
    await phone().getByLabel('New contact').fill(name)
    await button(phone(), 'Add').first().click()
    await contact(phone(), name).getByText('not sent yet').waitFor()
    const sender = page.waitForRequest(
      (request) => request.frame() !== page.mainFrame() && /v1\/sync/.test(request.url()),
    )
    await button(phone(), 'Kill in mid-sync').click()
    await eventually(story(phone()), 'Killed while its sync was under way')
    // What ran the client is gone, with all that it had in memory.
    expect((await sender).frame().isDetached()).toBe(true)
    await contact(phone(), name).waitFor()
    await button(phone(), 'Sync now').click()
    await quiet(phone())
    await eventually(story(phone()), 'the server had this edit already, and took it only once')
    const rows = await sql`select version from playground.contacts where name = ${name}`
    expect(rows).toMatchObject([{ version: '1' }])
    await contact(laptop(), name).waitFor()
  }, 120_000)

  it('sets a bad edit aside, says why, and sends it when it is put right', async () => {
    await quiet(phone())
    await edit(contact(phone(), 'Hedy Lamarr').getByLabel('phone'), 'call me')
    await edit(contact(phone(), 'Hedy Lamarr').getByLabel('tags'), 'radio, film, patents')
    await button(phone(), 'Inspect').click()
    const queue = inspector().getByRole('region', { name: 'Queue' })
    const refused = queue.getByRole('article').filter({ hasText: 'failed' })
    await button(refused, 'Why is it not on the server?').click()
    await eventually(refused, /The server refused it \(constraint\)/)
    const content = refused.getByRole('textbox')
    await serious()
    await picture('inspector', 'light', inspector())
    await content.fill((await content.inputValue()).replace('call me', '+1 202 555 0199'))
    await button(refused, 'Change and retry').click()
    await queue.getByText('Everything is on the server.').waitFor()
    await expect
      .poll(() => contact(laptop(), 'Hedy Lamarr').getByLabel('phone').inputValue())
      .toBe('+1 202 555 0199')
    expect(await contact(laptop(), 'Hedy Lamarr').getByLabel('tags').inputValue()).toBe(
      'radio, film, patents',
    )
    await button(inspector(), 'Verify').click()
    await inspector()
      .getByText(/rows compared, all alike/)
      .waitFor()
  }, 120_000)

  it('draws what is in sight of 10,000 rows, and nothing else', async () => {
    await online(phone()).click()
    await button(phone(), 'Add 10,000').click()
    await eventually(phone().getByRole('heading', { name: 'Contacts' }), '10,003')
    // What is slow then is the scrolling, not the insert.
    await phone().getByText('offline, 10000 edits wait').waitFor({ timeout: 30_000 })
    const list = phone().getByRole('group', { name: 'Contacts' })
    const frames = await list.evaluate(async (element) => {
      const frames: number[] = []
      let last = performance.now()
      for (let step = 1; step <= 60; step++) {
        element.scrollTop = (element.scrollHeight * step) / 60
        await new Promise((resolve) => requestAnimationFrame(resolve))
        frames.push(performance.now() - last)
        last = performance.now()
      }
      return frames.toSorted((a, b) => a - b).map(Math.round)
    })
    await contact(phone(), 'Somebody 10000').waitFor()
    expect(await list.getByRole('article').count()).toBeLessThan(60)
    console.log(
      `a frame while scrolling 10,003 rows: ${frames[30]} ms, the longest ${frames.at(-1)} ms`,
    )
  }, 120_000)

  it('has nothing serious against it by axe, on a phone, dark and light, and reaches out to nobody', async () => {
    await quiet(phone())
    await serious()
    await page.setViewportSize({ width: 390, height: 800 })
    await serious(['dark'])
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(wide).toBeLessThanOrEqual(390)
    const paint = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
    )
    console.log(`first contentful paint: ${Math.round(paint ?? 0)} ms`)
  }, 120_000)

  it('can be used by keyboard alone', async () => {
    await quiet(phone())
    const name = contact(phone(), 'Grace Hopper').getByLabel('notes')
    await online(phone()).focus()
    await page.keyboard.press('Space')
    for (let presses = 0; presses < 60; presses++) {
      if (await name.evaluate((element) => element === document.activeElement)) break
      await page.keyboard.press('Tab')
    }
    await page.keyboard.type('by hand')
    await page.keyboard.press('Enter')
    await phone().getByText('offline, 1 edit waits').waitFor()
    expect(await contact(laptop(), 'Grace Hopper').getByLabel('notes').inputValue()).toBe('')
  }, 120_000)
})
