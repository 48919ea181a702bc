import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { noBrowser, startBrowser } from './chromium.ts'

let browser: Awaited<ReturnType<typeof startBrowser>> | undefined

beforeAll(async () => {
  if (!noBrowser) browser = await startBrowser('react-page.tsx')
})
afterAll(() => browser?.stop())

describe('the hooks of React, rendered in a real browser in strict mode', () => {
  beforeEach((test) => {
    if (noBrowser) test.skip(noBrowser)
  })

  it('show rows, one row and the state of the sync, and follow them', async () => {
    const page = await browser!.openPage()
    const click = (id: string) => page.click(`#${id}`)
    const shown = (rows: string[], first: string, pending: string) =>
      expect
        .poll(
          async () => ({
            rows: await page.locator('li').allTextContents(),
            first: await page.textContent('#first'),
            pending: await page.textContent('#pending'),
          }),
          { timeout: 5_000 },
        )
        .toEqual({ rows, first, pending })

    await shown(['bread'], 'none', '1')
    await click('add')
    await shown(['bread', 'milk'], 'milk', '2')
    await click('change')
    await shown(['bread', 'oat milk'], 'oat milk', '2')
    await click('finish')
    await shown(['bread'], 'oat milk', '2')
    // Another filter is another subscription.
    await click('other')
    await shown(['oat milk'], 'oat milk', '2')
    await click('remove')
    await shown([], 'none', '1')
    await click('other')
    await shown(['bread'], 'none', '1')
    // Out of the page and in again.
    await click('toggle')
    await expect.poll(() => page.locator('li').count()).toBe(0)
    await click('toggle')
    await shown(['bread'], 'none', '1')
    await page.close()
  }, 60_000)
})
