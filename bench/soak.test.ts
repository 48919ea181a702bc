import { expect, test } from 'vitest'
import { growsSteadily } from './soak/memory.ts'
import { PARTS, soak } from './soak/index.ts'

const MB = 2 ** 20

test('memory that rises without end is told from a warm-up, from noise and from a plateau', () => {
  const over = (size: (n: number) => number) => Array.from({ length: 60 }, (_, n) => size(n) * MB)
  expect(growsSteadily(over((n) => 100 + 2 * n))).toBe(true)
  expect(growsSteadily(over((n) => 100 + Math.min(80, 8 * n)))).toBe(false)
  expect(growsSteadily(over((n) => 100 + (n % 7) * 5))).toBe(false)
  expect(growsSteadily(over((n) => 100 + n / 10))).toBe(false)
})

test('some seconds of steady load leave every device with what the database holds', async () => {
  const { edits, syncs, rows, held, memory } = await soak(5, 2)
  expect(edits).toBeGreaterThan(10)
  expect(syncs).toBeGreaterThan(0)
  expect(rows).toBeGreaterThan(0)
  expect(held).toEqual([rows, rows])
  for (const part of PARTS) expect(memory[part].end).toBeGreaterThan(MB)
}, 60_000)
