import { expect, test } from 'vitest'
import { inFullOnly } from '../dev/full-only.ts'
import { soak } from './soak/index.ts'
import { soakSection } from './soak/report.ts'
import { trend } from './soak/trend.ts'

const MB = 1e6

test('a size that rises without end is told from a warm-up, from noise and from a plateau', () => {
  const over = (size: (n: number) => number) =>
    trend(Array.from({ length: 60 }, (_, n) => size(n) * MB)).verdict
  expect(over((n) => 100 + 2 * n)).toBe('still rising')
  expect(over((n) => 10 + n / 10)).toBe('still rising')
  expect(over((n) => 100 + Math.min(80, 8 * n))).toBe('levelled off')
  expect(over((n) => 100 + (n % 7) * 5)).toBe('levelled off')
  expect(over((n) => 1 + n / 100)).toBe('levelled off')
  expect(over((n) => 200 - n)).toBe('levelled off')
})

test('the ratio is that of the last third to the second, whatever the first was', () => {
  const thirds = [900, 901, 902, 10, 11, 12, 21, 22, 23]
  expect(trend(thirds.map((size) => size * MB))).toEqual({ ratio: 2, verdict: 'still rising' })
})

const testLoad = inFullOnly('some seconds of steady load, as npm run soak puts it on for minutes')

testLoad(
  'some seconds of steady load leave every device with what the database holds',
  async () => {
    const seen: number[] = []
    const found = await soak({ seconds: 5, devices: 2, onSample: (at) => seen.push(at) })
    expect(found.edits).toBeGreaterThan(10)
    expect(found.syncs).toBeGreaterThan(0)
    expect(found.rows).toBeGreaterThan(0)
    expect(found.held).toEqual([found.rows, found.rows])
    expect(found.at).toHaveLength(seen.length)
    const rss = new Map(found.series.map(({ name, bytes }) => [name, bytes]))
    expect([...rss.keys()]).toEqual([
      'clients RSS',
      'clients heap',
      'functions RSS',
      'functions heap',
      'gateway RSS',
      'gateway heap',
      'Postgres RSS',
    ])
    for (const bytes of rss.values()) {
      expect(bytes).toHaveLength(seen.length)
      expect(Math.min(...bytes)).toBeGreaterThan(MB)
    }
    for (const name of ['clients', 'functions', 'gateway'])
      expect(rss.get(`${name} heap`)![0]).toBeLessThan(rss.get(`${name} RSS`)![0]!)
    const text = soakSection(found).join('\n')
    for (const { name, verdict } of found.series)
      expect(text).toMatch(new RegExp(`${name} .*${verdict}`))
  },
  60_000,
)
