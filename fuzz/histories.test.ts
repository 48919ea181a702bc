import { describe, expect, it } from 'vitest'
import { testSeed } from '../dev/seed.ts'
import { stack } from '../dev/testing.ts'
import { breaks } from './breaks.ts'
import { fuzz } from './fuzz.ts'
import type { Played } from './play.ts'

const seed = testSeed()
const HISTORIES = 2_000
const minutes = 60_000

const say = ({ failure }: Played<unknown>): string =>
  failure
    ? `${failure.message}\n\nagain: npm run fuzz -- --seed ${failure.seed} --path ${failure.path}`
    : ''

describe('random histories of three users and four devices', () => {
  it(
    `leave every device with what plain SQL shows its user`,
    { timeout: 12 * minutes },
    async () => {
      console.log(`${HISTORIES} histories, seed ${seed}`)
      const report = await fuzz({
        serverUrl: stack().db_url,
        histories: HISTORIES,
        seed,
        workers: 2,
      })
      expect(say(report)).toBe('')
    },
  )

  it.each(Object.keys(breaks))(
    'find an engine that is broken: %s',
    { timeout: 4 * minutes },
    async (name) => {
      const { sql: broken, found } = breaks[name]!
      const options = { serverUrl: stack().db_url, histories: 500, seed, workers: 1 }
      const { failure } = await fuzz({ ...options, endOnFailure: true, broken })
      expect(failure?.message ?? `500 histories from seed ${seed} did not notice`).toMatch(found)
    },
  )
})
