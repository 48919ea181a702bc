import { expect, it } from 'vitest'
import { SerialQueue } from '../src/util/serial-queue.ts'
import { settled } from './support/time.ts'

function setUp() {
  const queue = new SerialQueue()
  const log: string[] = []
  const ends: (() => void)[] = []
  let count = 0
  const work = (name: string) =>
    queue.runShared(name, async () => {
      const id = `${name}${++count}`
      log.push(`${id} begins`)
      await new Promise<void>((resolve) => ends.push(resolve))
      log.push(`${id} ends`)
      return id
    })
  return { queue, work, log, finish: () => (ends.shift()?.(), settled()) }
}

it('work follows work, never beside it', async () => {
  const { work, log, finish } = setUp()
  void work('a')
  void work('b')
  await settled()
  expect(log).toEqual(['a1 begins'])
  await finish()
  expect(log).toEqual(['a1 begins', 'a1 ends', 'b2 begins'])
})

it('work asked for during a run follows it once, however often it is asked for', async () => {
  const { work, finish } = setUp()
  const first = work('a')
  await settled()
  const later = [work('a'), work('a'), work('a')]
  await finish()
  await finish()
  expect(await first).toBe('a1')
  expect(await Promise.all(later)).toEqual(['a2', 'a2', 'a2'])
})

it('work that fails fails for its callers only', async () => {
  const { queue, work, finish } = setUp()
  const failing = queue.run(() => Promise.reject(new Error('no')))
  const next = work('a')
  await expect(failing).rejects.toThrow('no')
  await settled()
  await finish()
  expect(await next).toBe('a1')
})
