import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { breaks } from './breaks.ts'
import { faults } from './network.ts'
import { type Proof, prove } from './prove.ts'

/** The same histories each time: new ones are for `npm run prove`, which takes the time that they need. */
const seed = Number(process.env.TIDEMARK_SEED ?? 20_261_121)
const HISTORIES = 500
/** Of one that is broken, at most. */
const BROKEN = 100
const minutes = 60_000

const happenings = `
  app insert, app update, app remove, app edit that is refused, sync beside an edit, two devices at odds,
  push, pull, sync, two tabs, conflict decided, killed during edit, killed during sync, clock changed,
  device cloned, device backed up, device put back, database backed up, database restored,
  SQL, SQL left open, SQL ended, membership changed, schema changed, purge,
  ${faults.map((fault) => `request ${fault}`).join(', ')}`
  .trim()
  .split(/,\s+/)
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
      // What never happens is not proved.
      expect(happenings.filter((what) => !proof.counts.has(what))).toEqual([])
    },
  )

  it.each(Object.keys(breaks))(
    'find what is broken: %s',
    { timeout: 5 * minutes },
    async (name) => {
      const broken = breaks[name]!
      const { failure } = await prove({
        dataDir,
        histories: BROKEN,
        seed,
        endOnFailure: true,
        broken,
      })
      expect(failure?.message ?? `${BROKEN} histories from seed ${seed} did not notice`).toMatch(
        broken.found,
      )
    },
  )
})
