import { expect, test as everyTime } from 'vitest'
import { inFullOnly } from '../dev/full-only.ts'
import { createUser } from '../dev/testing.ts'
import { playFailures } from './failures.ts'
import { chosen } from './subject.ts'

/** Takes twenty seconds, most of them waiting. */
const test = inFullOnly('the known failures of others, played against Tidemark')

test('none of the known failures is seen with Tidemark', async () => {
  const { lines } = await playFailures({ createUser, contenders: [] })
  expect(lines.length).toBeGreaterThanOrEqual(10)
  const wrong = lines.filter(({ cells }) => cells.Tidemark!.outcome !== 'right')
  expect(wrong).toEqual([])
})

everyTime('a run can be limited to some contenders, and Tidemark stays in', () => {
  const all = ['Tidemark', 'RxDB', 'Legend-State', 'Legend-State, with retry'].map((name) => ({
    name,
  }))
  const names = (...asked: string[]) => chosen(all, asked).map(({ name }) => name)
  expect(chosen(all, undefined)).toEqual(all)
  expect(names('rxdb')).toEqual(['Tidemark', 'RxDB'])
  expect(names('legend')).toEqual(['Tidemark', 'Legend-State', 'Legend-State, with retry'])
  expect(() => names('rxbd')).toThrow('no contender "rxbd"')
})
