import { ValidationError } from '../model/errors.ts'
import type { RunOptions, SyncReport } from '../model/report.ts'
import type { Core } from './core.ts'

/** What entry points beside `tidemark` reach of a sync. */
export interface Internals {
  core: Core
  /** A run both ways, whatever `direction` says. */
  syncBothWays(options?: RunOptions): Promise<SyncReport>
}

/** The same symbol in every bundle; copied along where an object is made of a sync by `{ ...sync }`. */
const INTERNALS = Symbol.for('tidemark.internals')

export const withInternals = <S extends object>(sync: S, internals: Internals): S =>
  Object.assign(sync, { [INTERNALS]: internals })

/** Throws a `ValidationError` (`not_a_sync`) for anything that `createSync` has not made. */
export function internalsOf(sync: object): Internals {
  const internals = (sync as { [INTERNALS]?: Internals })[INTERNALS]
  if (internals) return internals
  throw new ValidationError({
    code: 'not_a_sync',
    message: 'This is not an object that createSync has made.',
  })
}
