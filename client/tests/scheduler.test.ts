import { describe, expect, it } from 'vitest'
import type { Mode } from '../src/index.ts'
import { createScheduler } from '../src/scheduler.ts'
import { handClock } from './support/time.ts'

function scheduler(...modes: Mode[]) {
  const time = handClock()
  const runs: number[] = []
  const edits = new Set<() => void>()
  const watchers = new Set<(online: boolean) => void>()
  let online = true
  const subject = createScheduler({
    modes,
    debounce: 500,
    interval: 30_000,
    clock: time.clock,
    network: {
      online: () => online,
      watch(fn) {
        watchers.add(fn)
        return () => watchers.delete(fn)
      },
    },
    onEdit(fn) {
      edits.add(fn)
      return () => edits.delete(fn)
    },
    run: async () => void runs.push(time.clock.now()),
  })
  return {
    ...subject,
    runs,
    pass: time.pass,
    edit: () => edits.forEach((fn) => fn()),
    go(state: boolean) {
      online = state
      watchers.forEach((fn) => fn(state))
    },
  }
}

describe('a sync runs by itself', () => {
  it('manual: never', async () => {
    const { start, edit, go, pass, runs, next } = scheduler('manual')
    start()
    edit()
    go(true)
    await pass(100_000)
    expect(runs).toEqual([])
    expect(next()).toBeNull()
  })

  it('auto: once, half a second after the last of some edits', async () => {
    const { start, edit, pass, runs, next } = scheduler('auto')
    start()
    edit()
    await pass(400)
    edit()
    expect(next()).toBe(900)
    await pass(10_000)
    expect(runs).toEqual([900])
    edit()
    await pass(10_000)
    expect(runs).toEqual([900, 10_900])
  })

  it('periodic: every thirty seconds, and not while offline', async () => {
    const { start, pass, runs, go } = scheduler('periodic')
    start()
    await pass(60_000)
    go(false)
    await pass(60_000)
    go(true)
    await pass(30_000)
    expect(runs).toEqual([30_000, 60_000, 150_000])
  })

  it('on reconnect: when the network comes back', async () => {
    const { start, pass, runs, go } = scheduler('on-reconnect')
    start()
    await pass(5)
    go(false)
    await pass(5)
    go(true)
    expect(runs).toEqual([10])
  })

  it('in several ways at once', async () => {
    const { start, edit, pass, runs } = scheduler('auto', 'periodic')
    start()
    edit()
    await pass(30_000)
    expect(runs).toEqual([500, 30_000])
  })

  it('until it is stopped, and again when it is started', async () => {
    const { start, stop, edit, pass, runs, next } = scheduler('auto', 'periodic')
    start()
    start()
    edit()
    stop()
    stop()
    edit()
    await pass(100_000)
    expect(runs).toEqual([])
    expect(next()).toBeNull()
    start()
    await pass(30_000)
    expect(runs).toEqual([130_000])
  })
})
