import { type TestAPI, test } from 'vitest'
import { full, leaveOut } from './full.ts'

/** `test` in `npm run test:full`; elsewhere the tests are left out, and the test command says so. */
export function inFullOnly(what: string): TestAPI {
  if (full) return test
  leaveOut(what)
  return (() => {}) as unknown as TestAPI
}
