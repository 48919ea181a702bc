import { retrying } from '../_tidemark/retry.ts'
import { assertEquals } from './assert.ts'
import { closedDeps } from './support.ts'

/** Fails with these codes, one after the other, then succeeds. */
function failing(...codes: string[]) {
  const call = () => {
    call.calls++
    const code = codes.shift()
    return Promise.resolve(code ? { error: { code } } : {})
  }
  call.calls = 0
  return call
}

Deno.test('a deadlock or serialization failure is tried again until it works', async () => {
  const call = failing('40001', '40P01')
  assertEquals(await retrying(call, closedDeps()), {})
  assertEquals(call.calls, 3)
})

Deno.test('after three tries the last failure is the answer', async () => {
  const call = failing('40P01', '40P01', '40001', '40001')
  assertEquals(await retrying(call, closedDeps()), { error: { code: '40001' } })
  assertEquals(call.calls, 3)
})

Deno.test('no other failure is tried again', async () => {
  for (const code of ['57014', '23505', '42501', 'PT403', 'PGRST202']) {
    const call = failing(code)
    await retrying(call, closedDeps())
    assertEquals(call.calls, 1)
  }
})

Deno.test('the wait grows, and its length is up to chance', async () => {
  const longest = closedDeps({ random: () => 0.999 })
  await retrying(failing('40001', '40001'), longest)
  assertEquals(longest.slept.map(Math.round), [50, 200])
  const shortest = closedDeps({ random: () => 0 })
  await retrying(failing('40001', '40001'), shortest)
  assertEquals(shortest.slept, [0, 0])
})
