import { type Internals, internalsOf } from '../../api/internals.ts'
import { type VerifyOptions, verifyBetweenRuns } from '../../api/verify.ts'
import { startResync } from '../../database/resync.ts'
import type { SyncReport } from '../../model/report.ts'
import type { Verification } from '../../model/verification.ts'
import { mergeUnsent } from './optimize.ts'
import { type Repaired, repairStore } from './repair.ts'

export type { VerifyOptions } from '../../api/verify.ts'
export type { Checksum, Verification } from '../../model/verification.ts'
export type { Repaired } from './repair.ts'

/** What went wrong, for {@link recover}. */
export type Trouble = 'partial-sync' | 'corruption' | 'version-mismatch' | 'full-resync'

/**
 * Compares the rows with the server's by checksums and fetches what differs (`heal`, default true), nothing else.
 * Best after a sync: rows that the server changed since differ too. Tables that hold only a part of the server's
 * rows, for `maxRecords` or `storageLimit`, are left out.
 */
export async function verify(sync: object, options: VerifyOptions = {}): Promise<Verification> {
  return verifyBetweenRuns(internalsOf(sync).core, options)
}

/**
 * Puts the store in order without the server: rows agree with their queued mutations, and mutations that were lost
 * are made again from the rows.
 */
export async function repair(sync: object): Promise<Repaired> {
  const { appStore, runs, settings } = internalsOf(sync).core
  return runs.exclusive('repair', () =>
    appStore.write('local', (transaction) => repairStore(transaction, settings.clock)),
  )
}

/**
 * Makes one mutation of several that are queued for the same row and were not sent. Resolves to how many fewer
 * there are.
 */
export async function optimize(sync: object): Promise<number> {
  const { appStore, runs } = internalsOf(sync).core
  return runs.exclusive('optimize', () => appStore.write('local', mergeUnsent))
}

/**
 * Puts things right and syncs. `partial-sync`: goes on where a sync was cut off. `corruption`: repairs, syncs,
 * verifies. `version-mismatch`, `full-resync`: repairs, and downloads everything beside the rows that are there;
 * the queue stays. Without `from`: as much of that as is needed.
 */
export async function recover(sync: object, from?: Trouble): Promise<SyncReport> {
  const internals = internalsOf(sync)
  const { syncBothWays } = internals
  if (from === 'partial-sync') return syncBothWays()
  await repair(sync)
  if (from === undefined || from === 'corruption') {
    const report = await syncBothWays()
    const { inSync } = await verify(sync)
    if (inSync || (await verify(sync)).inSync) return report
  }
  await resync(internals)
  return syncBothWays()
}

/** Lets the next sync download everything. */
function resync({ core: { store, runs, settings } }: Internals): Promise<void> {
  return runs.exclusive('resync', () =>
    store.write('local', ({ tx }) => startResync(tx, [...settings.keys.keys()])),
  )
}
