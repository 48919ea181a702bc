import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { countToPlay, full as isFull } from '../../dev/full.ts'
import { testSeed } from '../../dev/seed.ts'
import { breaks, breaksFor } from '../breaks/breaks.ts'
import type { Template } from '../database/template.ts'
import type { DriverName } from '../drivers/cast.ts'
import { happenings } from '../history/history.ts'
import { createTemplate, simulate, type Simulation } from '../run/simulate.ts'

const minutes = 60_000

export interface SuiteOptions {
  /** Histories in `npm test`, and in `npm run test:full`. */
  usual: number
  full: number
  /** Of an engine or a client that is broken, at most. */
  broken: number
}

/** The histories of one driver as tests. Without another seed they are the same ones each time. */
export function testHistories(driver: DriverName, { usual, full, broken }: SuiteOptions): void {
  const seed = testSeed()
  const count = countToPlay(full, usual, `histories, driver ${driver}`)
  const dataDir = dirname(process.env.TIDEMARK_STACK!)
  let template: Template

  beforeAll(async () => {
    template = await createTemplate(dataDir)
  })
  afterAll(() => template?.drop())

  describe(`random histories, driver ${driver}`, () => {
    it(
      'lose no edit, apply none twice, and leave every device with what plain SQL shows its user',
      { timeout: 15 * minutes },
      async () => {
        console.log(`${driver}: ${count} of ${full} histories, seed ${seed}`)
        const options = { driver, dataDir, template, histories: count, seed }
        const workers = isFull ? 2 : 1
        const played = await simulate({ ...options, workers, endOnFailure: !isFull })
        expect(said(played, driver)).toBe('')
        // What never happens is not proved; few histories need not show everything.
        if (!isFull) return
        expect(happenings(driver).filter((what) => !played.counts.has(what))).toEqual([])
      },
    )

    it.each(breaksFor(driver))(
      'find what is broken: %s',
      { timeout: 5 * minutes },
      async (name) => {
        const { failure } = await simulate({
          driver,
          dataDir,
          template,
          histories: broken,
          seed,
          workers: 1,
          endOnFailure: true,
          broken: breaks[name],
        })
        expect(failure?.message ?? `${broken} histories from seed ${seed} did not notice`).toMatch(
          breaks[name]!.found[driver]!,
        )
      },
    )
  })
}

const said = ({ failure }: Simulation, driver: DriverName): string =>
  failure
    ? `${failure.message}\n\nagain: npm run simulate -- --driver ${driver} --seed ${failure.seed} --path ${failure.path}`
    : ''
