import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { page, withResult } from './page.ts'

const text = readFileSync(page, 'utf8')

/** A test's own line, or the two of one with cases: not a comment, nor a test that is skipped. */
const called = (title: string): RegExp =>
  new RegExp(
    String.raw`^ *(it|test)(\.each\((?:[^()]|\([^()]*\))*\))?\(\s*['"\`](\$\{\w+\}: )?${RegExp.escape(title)}`,
    'm',
  )

describe('docs/proof.md', () => {
  const cases = [...text.matchAll(/^\| (.+?) +\| \[(.+)\]\((\.\.\/.+\.ts)\) +\|$/gm)]

  it('has cases', () => {
    expect(cases.length).toBeGreaterThanOrEqual(6)
  })

  it.each(cases.map(([, failure, test, file]) => [failure!, test!, file!] as const))(
    'names a test that exists: %s',
    (_, test, file) => {
      const code = readFileSync(new URL(file, page), 'utf8')
      expect(code).toMatch(called(test.replace('…', '%s')))
    },
  )

  it('takes the result of a run between its markers, in the place of the one before', () => {
    const simulation = {
      seed: 7,
      histories: 1000,
      seconds: 2,
      counts: new Map([['sync', 1234]]),
    }
    const run = { at: '1970-01-01T00:00:00Z', commit: 'abc1234', cpus: '2 × fast', workers: 3 }
    const once = withResult(text, simulation, run)
    expect(once).toContain(
      '1970-01-01, at abc1234, on 2 × fast: 1,000 histories from seed 7 by 3 workers in 2 s. None failed.',
    )
    expect(once).toMatch(/\| sync +\| +1,234 \|/)
    const again = withResult(once, { ...simulation, seed: 8 }, run)
    expect(again).toContain('from seed 8')
    expect(again).not.toContain('from seed 7')
    expect(() => withResult('', simulation, run)).toThrow('markers')
  })
})
