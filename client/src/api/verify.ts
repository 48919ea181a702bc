import type { Verification } from '../model/verification.ts'
import { verifyTables } from '../sync/verify.ts'
import type { Core } from './core.ts'

export interface VerifyOptions {
  /** Default: the tables of a sync. */
  tables?: readonly string[]
  /** Fetch the rows that differ. Default true. */
  heal?: boolean
}

/** Verifies the rows while no run is active. */
export function verifyBetweenRuns(
  core: Core,
  { tables, heal }: VerifyOptions = {},
): Promise<Verification> {
  return core.runs.exclusive('verify', async () => {
    tables?.forEach(core.assertKnownTable)
    await core.session.ensureOwner()
    await core.owner.pin()
    return verifyTables(core, tables ?? core.settings.unskipped(), heal)
  })
}
