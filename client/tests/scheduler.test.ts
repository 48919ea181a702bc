import { describe, expect, it } from 'vitest'
import type { Mode } from '../src/index.ts'
import { createScheduler } from '../src/schedule/scheduler.ts'
import { handClock } from './support/time.ts'
import { defaultIntervals } from '../src/model/schedule.ts'

/** Something that calls back. */
function source<T>() {
  const listeners = new Set<(value: T) => void>()
  return {
    listen(fn: (value: T) => void) {
      listeners.add(fn)
      return () => void listeners.delete(fn)
    },
    tell: (value: T) => listeners.forEach((fn) => fn(value)),
  }
}

function scheduler(...modes: Mode[]) {
  const time = handClock()
  const runs: number[] = []
  const edits = source<void>()
  const pokes = source<void>()
  const signIns = source<void>()
  const networks = source<boolean>()
  const looks = source<boolean>()
  const state = {
    online: true,
    active: true,
    level: 1,
    charging: false,
    fails: false,
  }
  const subject = createScheduler({
    modes,
    debounce: 500,
    intervals: defaultIntervals,
    clock: time.clock,
    network: { online: () => state.online, watch: networks.listen },
    battery: { level: () => state.level, charging: () => state.charging },
    appState: { active: () => state.active, watch: looks.listen },
    pokes: { watch: pokes.listen },
    onEdit: edits.listen,
    onSignIn: signIns.listen,
    runSync: async () => {
      runs.push(time.clock.now())
      return state.fails ? 'retry' : 'done'
    },
  })
  return {
    ...subject,
    state,
    runs,
    pass: time.pass,
    edit: () => edits.tell(),
    poke: () => pokes.tell(),
    signIn: () => signIns.tell(),
    go(online: boolean) {
      state.online = online
      networks.tell(online)
    },
    look(active: boolean) {
      state.active = active
      looks.tell(active)
    },
  }
}

describe('a sync runs by itself', () => {
  it('manual: never', async () => {
    const { start, edit, go, poke, signIn, pass, runs, nextSyncAt } = scheduler('manual')
    start()
    edit()
    go(true)
    poke()
    signIn()
    await pass(100_000)
    expect(runs).toEqual([])
    expect(nextSyncAt()).toBeNull()
  })

  it('auto: once, half a second after the last of some edits', async () => {
    const { start, edit, pass, runs, nextSyncAt } = scheduler('auto')
    start()
    edit()
    await pass(400)
    edit()
    expect(nextSyncAt()).toBe(900)
    await pass(10_000)
    expect(runs).toEqual([0, 900])
    edit()
    await pass(10_000)
    expect(runs).toEqual([0, 900, 10_900])
  })

  it('periodic: every thirty seconds, and not while offline', async () => {
    const { start, pass, runs, go } = scheduler('periodic')
    start()
    await pass(60_000)
    go(false)
    await pass(60_000)
    go(true)
    await pass(30_000)
    expect(runs).toEqual([0, 30_000, 60_000, 150_000])
  })

  it('periodic: every five minutes in the background, and soon after somebody comes back', async () => {
    const { start, pass, runs, look, nextSyncAt } = scheduler('periodic')
    start()
    await pass(30_000)
    look(false)
    expect(nextSyncAt()).toBe(330_000)
    await pass(300_000)
    expect(runs).toEqual([0, 30_000, 330_000])
    await pass(100_000)
    look(true)
    await pass(0)
    expect(runs).toEqual([0, 30_000, 330_000, 430_000])
  })

  it('periodic: every quarter of an hour on a low battery, never on an empty one, as usual on mains', async () => {
    const { start, pass, runs, state } = scheduler('periodic')
    state.level = 0.2
    start()
    await pass(900_000)
    expect(runs).toEqual([0, 900_000])
    state.level = 0.14
    await pass(1_800_000)
    expect(runs).toEqual([0, 900_000])
    state.charging = true
    await pass(900_000)
    expect(runs).toContain(3_600_000)
  })

  it('on reconnect: when the network comes back', async () => {
    const { start, pass, runs, go } = scheduler('on-reconnect')
    start()
    await pass(5)
    go(false)
    await pass(5)
    go(true)
    expect(runs).toEqual([0, 10])
  })

  it('realtime: at once, and once for all pokes of a moment after it', async () => {
    const { start, pass, runs, poke } = scheduler('realtime')
    start()
    for (let n = 0; n < 4; n++) {
      poke()
      await pass(5)
    }
    await pass(980)
    expect(runs).toEqual([0, 0, 20])
    poke()
    await pass(10)
    expect(runs).toEqual([0, 0, 20, 1_000])
  })

  it.each(['auto', 'periodic', 'on-reconnect', 'realtime'] as const)(
    '%s: at the start',
    async (mode) => {
      const { start, pass, runs } = scheduler(mode)
      await pass(7)
      start()
      await pass(10_000)
      expect(runs).toEqual([7])
    },
  )

  it('when somebody signs in', async () => {
    const { start, pass, runs, signIn } = scheduler('auto')
    start()
    await pass(7)
    signIn()
    expect(runs).toEqual([0, 7])
  })

  it('again after a failure that time may heal, where nothing else would', async () => {
    const { start, edit, pass, runs, state } = scheduler('auto')
    start()
    state.fails = true
    edit()
    await pass(31_000)
    state.fails = false
    await pass(100_000)
    expect(runs).toEqual([0, 500, 30_500, 60_500])
  })

  it('in several ways at once', async () => {
    const { start, edit, pass, runs } = scheduler('auto', 'periodic')
    start()
    edit()
    await pass(30_000)
    expect(runs).toEqual([0, 500, 30_000])
  })

  it('until it is stopped, and again when it is started', async () => {
    const { start, stop, edit, pass, runs, nextSyncAt } = scheduler('auto', 'periodic')
    start()
    start()
    edit()
    stop()
    stop()
    edit()
    await pass(100_000)
    expect(runs).toEqual([0])
    expect(nextSyncAt()).toBeNull()
    start()
    await pass(30_000)
    expect(runs).toEqual([0, 100_000, 130_000])
  })

  it('as it is told while it runs', async () => {
    const { start, change, edit, pass, runs } = scheduler('manual')
    change({ modes: ['auto'] })
    edit()
    await pass(1_000)
    expect(runs).toEqual([])
    start()
    change({ debounce: 100 })
    edit()
    await pass(1_000)
    expect(runs).toEqual([1_000, 1_000, 1_100])
    change({ modes: ['periodic'], intervals: { ...defaultIntervals, active: 5_000 } })
    edit()
    await pass(5_000)
    expect(runs).toEqual([1_000, 1_000, 1_100, 2_000, 7_000])
  })
})
