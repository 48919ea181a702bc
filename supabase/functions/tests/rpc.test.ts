import { rpcAs } from '../_tidemark/rpc.ts'
import { assertEquals } from './assert.ts'
import { closedDeps, plausibleToken } from './support.ts'

/** The timers that are still set when `work` has ended, of how many. */
async function timersOf(work: () => Promise<unknown>): Promise<{ set: number; left: number }> {
  const { setTimeout, clearTimeout } = globalThis
  const timers = new Set<unknown>()
  let set = 0
  const setting = (fn: () => void, ms: number): unknown => {
    const timer = setTimeout(fn, ms)
    timers.add(timer)
    set++
    return timer
  }
  const clearing = (timer: number): void => {
    timers.delete(timer)
    clearTimeout(timer)
  }
  Object.assign(globalThis, { setTimeout: setting, clearTimeout: clearing })
  try {
    await work()
    return { set, left: timers.size }
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout })
  }
}

Deno.test('a call to the database leaves no timer behind, answered or not', async () => {
  const answers: (() => Promise<Response>)[] = [
    () => Promise.resolve(new Response('{}')),
    () => Promise.resolve(new Response('no', { status: 502 })),
    () => Promise.reject(new TypeError('connection refused')),
  ]
  for (const fetch of answers) {
    const rpc = rpcAs(`Bearer ${plausibleToken}`, closedDeps({ fetch }))
    assertEquals(await timersOf(() => rpc('sync_pull', '{}')), { set: 1, left: 0 })
  }
})
