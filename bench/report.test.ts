import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cell, cellText, type Line, reasons, spread } from './matrix.ts'
import { report } from './report.ts'

const line: Line = {
  activity: 'push',
  title: 'upload',
  rows: 1_000,
  cells: {
    ours: cell([10, 10], [10, 10]),
    slow: cell([20, 40], [10, 10]),
    none: { reason: 'no upload' },
  },
}

test('the docs say what the results say: npm run bench:report makes them', async () => {
  for (const [file, content] of await report())
    expect(readFileSync(join(import.meta.dirname, '..', file), 'utf8'), file).toBe(content)
})

test('a ratio is of the times of one round, not of the medians', () => {
  expect(cell([20, 10], [10, 20])).toMatchObject({ ratio: { median: 1.25, min: 0.5, max: 2 } })
})

test('a spread has the median, the least and the most', () => {
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 })
})

test('a cell shows its amount and how it compares, and what cannot be done has its reason', () => {
  expect(cellText(line, 'ours')).toBe('100,000 rows/s')
  expect(cellText(line, 'slow')).toBe('33,300 rows/s · 3.0× (2.0–4.0)')
  expect(cellText(line, 'none')).toBe('–')
  expect(reasons({ contenders: ['ours', 'slow', 'none'], lines: [line] })).toEqual([
    'none: no upload (upload)',
  ])
})
