import { ValidationError } from '../model/errors.ts'
import type { RunOptions, SyncReport } from '../model/report.ts'
import type { Core } from './core.ts'

/** The internals of a sync that other entry points, such as `tidemark/maintenance`, use. */
export interface Internals {
  core: Core
  /** Runs a sync both ways, whatever `direction` is. */
  syncBothWays(options?: RunOptions): Promise<SyncReport>
}

/** The same symbol in every bundle; `{ ...sync }` copies it. */
const INTERNALS = Symbol.for('tidemark.internals')

export const withInternals = <S extends object>(sync: S, internals: Internals): S =>
  Object.assign(sync, { [INTERNALS]: internals })

/** The internals of a sync. Throws a `ValidationError` (`not_a_sync`) for an object that `createSync` has not made. */
export function internalsOf(sync: object): Internals {
  const internals = (sync as { [INTERNALS]?: Internals })[INTERNALS]
  if (internals) return internals
  throw new ValidationError({
    code: 'not_a_sync',
    message: 'createSync has not made this object.',
    hint: 'Pass the object that createSync returned.',
  })
}
