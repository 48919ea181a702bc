import { describe, expect, it } from 'vitest'
import type { AuthSession } from '../src/transport/account.ts'
import { createSync, memoryStorage, type Mode } from '../src/index.ts'
import { handClock, settled } from './support/time.ts'

/** A project whose session comes when it is let, and all that a sync can listen to or wait for. */
function surroundings() {
  const time = handClock()
  let listeners = 0
  const watch = (): (() => void) => {
    listeners++
    return () => void listeners--
  }
  let tell: (session: AuthSession | null) => void = () => {}
  const session = new Promise<AuthSession | null>((resolve) => (tell = resolve))
  const supabase = {
    rpc: () => ({ abortSignal: () => Promise.reject(new TypeError('fetch failed')) }),
    functions: { invoke: () => Promise.reject(new TypeError('fetch failed')) },
    auth: {
      getSession: async () => ({ data: { session: await session } }),
      onAuthStateChange: () => ({ data: { subscription: { unsubscribe: watch() } } }),
    },
  }
  const storage = memoryStorage()
  return {
    mount: (mode: Mode) =>
      createSync({
        supabase,
        storage,
        tables: ['t'],
        mode,
        clock: time.clock,
        network: { online: () => true, watch },
        appState: { active: () => true, watch },
        pokes: { watch },
      }),
    signIn: () => tell({ user: { id: 'u' } }),
    left: () => ({ timers: time.waiting(), listeners }),
  }
}

const nothing = { timers: 0, listeners: 0 }

describe.each(['auto', 'periodic', 'on-reconnect', 'realtime'] as const)(
  'a sync of mode %s that is closed leaves no timer and no listener',
  (mode) => {
    it('while it is getting ready, as a component that is mounted twice does', async () => {
      const { mount, signIn, left } = surroundings()
      const first = mount(mode)
      const ready = first.ready()
      await settled()
      const closed = first.close()
      const second = mount(mode)
      const readyAgain = second.ready()
      signIn()
      await Promise.all([ready, closed, readyAgain])
      await settled()
      expect(left().listeners).toBeGreaterThan(0)
      await second.close()
      expect(left()).toEqual(nothing)
    })

    it('nor does starting or configuring it bring them back', async () => {
      const { mount, signIn, left } = surroundings()
      const sync = mount(mode)
      signIn()
      await sync.ready()
      expect(left().listeners).toBeGreaterThan(0)
      await sync.close()
      sync.start()
      sync.configure({ mode, debounce: 1 })
      await settled()
      expect(left()).toEqual(nothing)
    })
  },
)
