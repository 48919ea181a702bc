import { readdirSync } from 'node:fs'
import { describe } from 'vitest'
import { SYSTEMS } from './rows.ts'

/**
 * Registers the tests of a source system: every function that a file of `parts/<system>/` exports.
 * Awaited at the top of a test file.
 */
export async function register(key: string): Promise<void> {
  const system = SYSTEMS.find((system) => system.key === key)!
  const names = readdirSync(new URL(`parts/${key}/`, import.meta.url))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort()
  for (const name of names) {
    const part = (await import(`./parts/${key}/${name}.ts`)) as Record<string, () => void>
    describe(`${system.title}`, () => {
      for (const tests of Object.values(part)) tests()
    })
  }
}
