import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { rolldown } from 'rolldown'
import type { Tab } from './page.ts'

/** Where Debian puts it. */
const program = '/usr/bin/chromium'

/** Why there is no browser to test with; undefined where there is one. */
export const noBrowser: string | undefined = process.env.CI
  ? 'not in CI'
  : existsSync(program)
    ? undefined
    : `there is no ${program} (Debian: apt-get install chromium)`

/** Asks a tab for something: `tab.write('first', 1, 10)`. A name beside those of the page is a test's mistake. */
export type RemoteTab = {
  [Name in keyof Tab]: (...args: Parameters<Tab[Name]>) => Promise<Awaited<ReturnType<Tab[Name]>>>
} & {
  /** Closes it as a user does, whatever it is at. */
  kill(): Promise<void>
}

/** A browser whose tabs share one origin, and so one IndexedDB; `page` is the file of what they run. */
export async function startBrowser(page = 'page.ts') {
  const script = await bundle(page)
  const server = createServer((request, response) => {
    const asked = request.url === '/'
    response.writeHead(200, { 'content-type': asked ? 'text/html' : 'text/javascript' })
    response.end(asked ? '<!doctype html><script type="module" src="/page.js"></script>' : script)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  // Its sandbox needs rights that a container does not give.
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] })
  const context = await browser.newContext()

  return {
    /** A page that runs itself, for tests that look at what it shows. */
    async openPage() {
      const page = await context.newPage()
      page.on('pageerror', (error) => console.error('in a page:', error))
      await page.goto(address)
      return page
    },
    async openTab(): Promise<RemoteTab> {
      const page = await context.newPage()
      page.on('pageerror', (error) => console.error('in a tab:', error))
      await page.goto(address)
      await page.waitForFunction('globalThis.tab')
      const ask = (name: string, args: unknown[]) =>
        page.evaluate(
          ([name, args]) =>
            (
              globalThis as unknown as {
                tab: Record<string, (...args: unknown[]) => Promise<unknown>>
              }
            ).tab[name]!(...args),
          [name, args] as const,
        )
      return new Proxy({} as RemoteTab, {
        get: (_, name: string) =>
          name === 'kill'
            ? () => page.close()
            : name === 'then'
              ? undefined
              : (...args: unknown[]) => ask(name, args),
      })
    },
    /** Cuts all tabs off, or connects them again. */
    setOffline: (offline: boolean): Promise<void> => context.setOffline(offline),
    async stop(): Promise<void> {
      await browser.close()
      server.close()
    },
  }
}

/** The page and the client in one script. */
async function bundle(page: string): Promise<string> {
  const input = fileURLToPath(new URL(page, import.meta.url))
  const build = await rolldown({
    input,
    platform: 'browser',
    logLevel: 'silent',
    transform: { define: { 'process.env.NODE_ENV': '"development"' } },
  })
  const { output } = await build.generate({ format: 'esm', codeSplitting: false })
  await build.close()
  return output[0].code
}
