import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { compareRows } from './compare.ts'

describe('the demo', () => {
  let stdout: string

  beforeAll(async () => {
    const program = fileURLToPath(new URL('run.ts', import.meta.url))
    const run = await promisify(execFile)(process.execPath, [program, '--cities', '2000'])
    stdout = run.stdout
  }, 60_000)

  it('converges, tells who lost what, and prints no bar where there is no terminal', () => {
    expect(stdout).toMatch(/\nin sync\n$/)
    expect(stdout).toContain('16 edits merged')
    expect(stdout).toContain('lost: Japan, note "see the cherry blossom"')
    expect(stdout).toContain('lost: the removal of Peru')
    for (const refused of ['Iceland, gone', 'Sealand, unique', 'Chad, constraint'])
      expect(stdout).toContain(`refused: ${refused}`)
    expect(stdout).toMatch(/refused: .*, forbidden/)
    expect(stdout).toMatch(/Bob's tablet +saw nothing of it/)
    for (const drawn of ['█', '░', '\u001b']) expect(stdout).not.toContain(drawn)
  })

  it('is what the README shows, but for the numbers', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    const shown = /^\$ npm run demo\n([\s\S]*?)^```$/m.exec(readme)![1]!
    const masked = (text: string) => text.replaceAll(/\d[\d.,]*/g, '#').split('\n')
    expect(masked(shown)).toEqual(masked(stdout))
  })
})

describe('its comparison', () => {
  const row = { id: 'a', name: 'Ada', tags: [1, null], version: 2 }

  it('finds equal rows equal, whatever their order and the order of their columns', () => {
    const { version, ...rest } = row
    const mine = [{ ...row, id: 'b' }, row]
    const { differences } = compareRows('t', mine, [
      { version, ...rest },
      { ...row, id: 'b' },
    ])
    expect(differences).toEqual([])
  })

  it('names a row that one side lacks, and every value and column that differs', () => {
    const mine = [{ ...row, tags: [1], version: 3 }, { id: 'only mine' }]
    const theirs = [{ ...row, more: null }, { id: 'only theirs' }]
    expect(compareRows('t', mine, theirs).differences).toEqual([
      't a tags: [1] on the device, [1,null] in the database',
      't a version: 3 on the device, 2 in the database',
      't a more: undefined on the device, null in the database',
      't only theirs is missing on the device',
      't only mine is only on the device',
    ])
  })
})
