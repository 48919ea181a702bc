import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { classify } from '../model/errors.ts'
import type { SyncStatus } from '../model/status.ts'
import type { Provider, Validity } from './provider.ts'

/** The health of one part. */
export interface PartHealth {
  status: 'healthy' | 'warning' | 'failing'
  /** A text to show. */
  message: string
}

/** The health of a sync. Its status is that of the worst part. */
export interface Health {
  status: PartHealth['status']
  /** The connection to the Supabase project. */
  provider: 'no_provider' | 'disconnected' | 'invalid' | 'healthy'
  queue: PartHealth
  network: PartHealth
  storage: PartHealth
  conflicts: PartHealth
}

const partHealth = (status: PartHealth['status'], message: string): PartHealth => ({
  status,
  message,
})

export interface HealthDeps {
  store: Store
  provider: Provider
  status(): SyncStatus
}

/** Checks the store and the server. Never rejects. */
export async function healthOf({ store, provider, status }: HealthDeps): Promise<Health> {
  const validity = await provider.validate()
  const now = status()
  const parts = {
    queue: queueHealth(now),
    network: networkHealth(now, validity),
    storage: await storageHealth(store),
    conflicts: conflictsHealth(validity),
  }
  const statuses = new Set(Object.values(parts).map((part) => part.status))
  const worst = statuses.has('failing')
    ? 'failing'
    : statuses.has('warning')
      ? 'warning'
      : 'healthy'
  return { status: worst, provider: validity.status, ...parts }
}

function queueHealth({ pending, failed, lastError }: SyncStatus): PartHealth {
  if (failed > 0) return partHealth('warning', `The server rejected ${failed} edits.`)
  if (pending > 0 && lastError)
    return partHealth(
      'warning',
      `${pending} edits are queued; the last sync failed: ${lastError.message}`,
    )
  return partHealth('healthy', pending > 0 ? `${pending} edits are queued` : 'no edits are queued')
}

function networkHealth({ online }: SyncStatus, { status, error }: Validity): PartHealth {
  if (!online) return partHealth('warning', 'offline')
  if (status === 'no_provider') return partHealth('healthy', 'no server is configured')
  if (status === 'healthy') return partHealth('healthy', 'the server answers')
  return partHealth(status === 'invalid' ? 'failing' : 'warning', error?.message ?? status)
}

async function storageHealth(store: Store): Promise<PartHealth> {
  try {
    await store.read(deviceOf)
    return partHealth('healthy', 'readable')
  } catch (error) {
    return partHealth('failing', classify(error).message)
  }
}

function conflictsHealth({ openConflicts }: Validity): PartHealth {
  if (openConflicts === undefined) return partHealth('healthy', 'not known')
  return openConflicts > 0
    ? partHealth('warning', `${openConflicts} conflicts are open`)
    : partHealth('healthy', 'none open')
}
