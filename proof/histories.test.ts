import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { breaks } from './breaks.ts'
import { type Proof, prove } from './prove.ts'

/** The same histories each time: new ones are for `npm run prove`, which takes the time that they need. */
const seed = Number(process.env.TIDEMARK_SEED ?? 20_261_121)
const HISTORIES = 500
const minutes = 60_000
const dataDir = dirname(process.env.TIDEMARK_STACK!)

const say = ({ failure }: Proof): string =>
  failure
    ? `${failure.message}\n\nagain: npm run prove -- --seed ${failure.seed} --path ${failure.path}`
    : ''

describe('random histories of four users and eight devices with the real client', () => {
  it(
    'lose no edit, apply none twice, and leave no row where its user may not see it',
    { timeout: 15 * minutes },
    async () => {
      console.log(`${HISTORIES} histories, seed ${seed}`)
      const proof = await prove({ dataDir, histories: HISTORIES, seed, endOnFailure: true })
      expect(say(proof)).toBe('')
    },
  )

  it.each(Object.keys(breaks))(
    'find what is broken: %s',
    { timeout: 5 * minutes },
    async (name) => {
      const { sql, found } = breaks[name]!
      const { failure } = await prove({
        dataDir,
        histories: 100,
        seed,
        workers: 1,
        endOnFailure: true,
        broken: sql,
      })
      expect(failure?.message ?? `100 histories from seed ${seed} did not notice`).toMatch(found)
    },
  )
})
