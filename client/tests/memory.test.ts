import { getEventListeners } from 'node:events'
import { queryObjects } from 'node:v8'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { countToPlay } from '../../dev/full.ts'
import { connect, createUser, stack, type TestUser } from '../../dev/testing.ts'
import { createClient } from '@supabase/supabase-js'
import { createSync } from '../src/index.ts'
import { withSignal } from '../src/util/with-signal.ts'
import { makeTable } from './support/project.ts'

/** Abort signals that are left once garbage is gone. Weak references would keep alive what they are asked for. */
async function signalsLeft(): Promise<number> {
  // What finalizers let go of is garbage only afterwards.
  for (let n = 0; n < 5; n++) {
    queryObjects(AbortSignal, { format: 'count' })
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return queryObjects(AbortSignal, { format: 'count' })
}

let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

describe('a device that has synced many times', () => {
  const SYNCS = countToPlay(150, 30, 'syncs of a device, after which its memory is looked at')

  it('holds nothing of the requests that were answered', async () => {
    const table = await makeTable(sql)
    let requests = 0
    const client = createClient(stack().api_url, stack().publishable_key, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      global: {
        fetch(url, init) {
          requests++
          return fetch(url, init)
        },
      },
    })
    const { data } = await user.client.auth.getSession()
    await client.auth.setSession(data.session!)
    const sync = createSync({ supabase: client, tables: [table] })
    const rows = sync.table(table)
    const id = String((await rows.insert({ name: 'Ada' })).id)
    const stop = new AbortController()
    const go = async (): Promise<void> => {
      for (let n = 0; n < SYNCS; n++) {
        await rows.update(id, { n })
        await sync.sync(n % 2 ? { signal: stop.signal } : {})
      }
    }

    await go()
    const before = await signalsLeft()
    requests = 0
    await go()
    const left = (await signalsLeft()) - before
    expect(requests).toBeGreaterThanOrEqual(SYNCS)
    expect(left / requests).toBeLessThan(0.1)
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
    await sync.close()
  })
})

describe('work with an end', () => {
  it('lets go of every signal and of its timeout when it is done, well or not', async () => {
    vi.useFakeTimers()
    try {
      const app = new AbortController()
      const ends = { signals: [app.signal, app.signal], timeout: 60_000 }
      expect(await withSignal(ends, async ({ aborted }) => aborted)).toBe(false)
      await expect(withSignal(ends, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
      expect(getEventListeners(app.signal, 'abort')).toEqual([])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('is told of the first signal that aborts, of one that has aborted, and of the end of its time', async () => {
    const reasonOf = (signal: AbortSignal): Promise<unknown> =>
      new Promise((resolve) => {
        if (signal.aborted) resolve(signal.reason)
        signal.addEventListener('abort', () => resolve(signal.reason))
      })
    const [one, other] = [new AbortController(), new AbortController()]
    const signals = [one.signal, other.signal]
    const first = withSignal({ signals }, reasonOf)
    other.abort('other')
    one.abort('one')
    expect(await first).toBe('other')
    expect(await withSignal({ signals }, reasonOf)).toBe('one')
    expect(await withSignal({ signals: [], timeout: 1 }, reasonOf)).toMatchObject({
      name: 'TimeoutError',
    })
  })
})
