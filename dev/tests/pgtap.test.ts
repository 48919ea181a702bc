import { describe, expect, it } from 'vitest'
import { judge } from '../runners/pgtap.ts'

describe('a pgTAP file', () => {
  it('passes with its planned number of good tests', () => {
    expect(judge('1..2\nok 1 - a\nok 2 - b', undefined)).toMatchObject({
      passed: 2,
      failed: 0,
      problems: [],
    })
  })

  it('fails by a test, whose diagnostics are shown', () => {
    const output =
      '1..2\nnot ok 1 - a\n# Failed test 1: "a"\n#         have: 1\n#         want: 2\nok 2 - b'
    expect(judge(output, undefined)).toMatchObject({
      passed: 1,
      failed: 1,
      problems: ['not ok 1 - a', '  #         have: 1', '  #         want: 2'],
    })
  })

  it('fails when it ran more or fewer tests than planned', () => {
    expect(judge('1..3\nok 1\nok 2', undefined).problems).toEqual(['planned 3 tests but ran 2'])
    expect(judge('1..1\nok 1\nok 2', undefined)).toMatchObject({ failed: 1 })
  })

  it('fails when it died, after however many good tests', () => {
    expect(judge('1..1\nok 1', 'line 9: syntax error (42601)')).toMatchObject({
      failed: 1,
      problems: ['the file died at line 9: syntax error (42601)'],
    })
  })

  it('fails without a plan', () => {
    expect(judge('', undefined)).toMatchObject({ passed: 0, failed: 1 })
  })

  it('tells what was skipped and why', () => {
    expect(judge('1..2\nok 1 - a # SKIP no replica here\nok 2 - b', undefined)).toMatchObject({
      passed: 1,
      failed: 0,
      skipped: [{ test: 'a', reason: 'no replica here' }],
    })
  })
})
