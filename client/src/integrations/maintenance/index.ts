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
 * Compares the rows with the server's by checksums, and with `heal` (default true) fetches the rows that differ. Call
 * it after a sync, since rows that have changed on the server also differ. Tables that hold only a part of the server's
 * rows, because of `maxRecords` or `storageLimit`, are left out.
 */
export async function verify(sync: object, options: VerifyOptions = {}): Promise<Verification> {
  return verifyBetweenRuns(internalsOf(sync).core, options)
}

/**
 * Repairs the store without the server: makes rows agree with their queued edits, and makes lost edits again from the
 * rows.
 */
export async function repair(sync: object): Promise<Repaired> {
  const { appStore, runs, settings } = internalsOf(sync).core
  return runs.exclusive('repair', () =>
    appStore.write('local', (transaction) => repairStore(transaction, settings.clock)),
  )
}

/**
 * Combines pending edits of the same row into one edit. Resolves to the number by which the queue has become shorter.
 */
export async function optimize(sync: object): Promise<number> {
  const { appStore, runs } = internalsOf(sync).core
  return runs.exclusive('optimize', () => appStore.write('local', mergeUnsent))
}

/**
 * Repairs and syncs. `partial-sync`: only syncs, which continues an interrupted sync. `corruption`: repairs, syncs and
 * verifies, then resyncs where rows still differ. `version-mismatch`, `full-resync`: repairs and resyncs, that is
 * downloads everything again; queued edits stay. Without `from`: the same as `corruption`.
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
  await beginResync(internals)
  return syncBothWays()
}

/** Begins a resync: the next sync downloads everything. */
function beginResync({ core: { store, runs, settings } }: Internals): Promise<void> {
  return runs.exclusive('resync', () =>
    store.write('local', ({ tx }) => startResync(tx, [...settings.keys.keys()])),
  )
}
