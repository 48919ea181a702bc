import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const program = fileURLToPath(new URL('run.ts', import.meta.url))

// Each on a stack of its own, as the command in its README starts it.
it.each(['contacts', 'reminders', 'progressive', 'anything', 'trips'])(
  'the example %s prints what its README shows',
  async (name) => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, name])
    const readme = readFileSync(new URL(`${name}/README.md`, import.meta.url), 'utf8')
    const shown = /^```text\n\$ npm run example -- (\w+)\n([\s\S]*?)^```$/m.exec(readme)!
    expect(shown[1]).toBe(name)
    expect(stdout).toBe(shown[2])
  },
  120_000,
)
