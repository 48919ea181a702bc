import { expect, test } from 'vitest'
import { compare } from './measure.ts'
import type { Bench } from './subject.ts'

const bench = { rounds: 3, progress: () => {} } as unknown as Bench
const sides = { subject: 's', measure: 'm', raw: async () => 10, ours: async () => 20 }

test('a speed is raw time by ours, and has to reach its bound', async () => {
  const result = await compare(bench, { ...sides, wanted: { atLeast: 0.5 } })
  expect(result).toMatchObject({ unit: 'ms', raw: 10, ours: 20, ratio: 0.5, met: true })
  expect(await compare(bench, { ...sides, wanted: { atLeast: 0.6 } })).toMatchObject({ met: false })
})

test('a cost is our time by raw, and has to stay below its bound', async () => {
  expect(await compare(bench, { ...sides, wanted: { atMost: 2 } })).toMatchObject({
    ratio: 2,
    met: true,
  })
  expect(await compare(bench, { ...sides, as: 'cost' })).toMatchObject({ ratio: 2, met: null })
})

test('the ratio is the median of the rounds, whatever one of them met, and the first does not count', async () => {
  const ours = [1000, 20, 500, 40]
  const result = await compare(bench, { ...sides, ours: async (round) => ours[round]! })
  expect(result).toMatchObject({ raw: 10, ours: 40, ratio: 0.25 })
})

test('rows make rows per second of the median time', async () => {
  const result = await compare(bench, { ...sides, rows: 100 })
  expect(result).toMatchObject({ unit: 'rows/s', raw: 10_000, ours: 5_000 })
})
