import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { classify } from '../model/errors.ts'
import type { SyncStatus } from '../model/status.ts'
import type { Provider, Validity } from './provider.ts'

/** How one part is. */
export interface PartHealth {
  status: 'healthy' | 'warning' | 'failing'
  /** For people. */
  message: string
}

/** How everything is: the status is that of the worst part. */
export interface Health {
  status: PartHealth['status']
  /** The connection to the Supabase project. */
  provider: 'no_provider' | 'disconnected' | 'invalid' | 'healthy'
  queue: PartHealth
  network: PartHealth
  storage: PartHealth
  conflicts: PartHealth
}

const part = (status: PartHealth['status'], message: string): PartHealth => ({ status, message })

export interface HealthDeps {
  store: Store
  provider: Provider
  status(): SyncStatus
}

/** Asks the store and the server. Never rejects. */
export async function healthOf({ store, provider, status }: HealthDeps): Promise<Health> {
  const validity = await provider.validate()
  const now = status()
  const parts = {
    queue: queueHealth(now),
    network: networkHealth(now, validity),
    storage: await storageHealth(store),
    conflicts: conflictsHealth(validity),
  }
  const found = new Set(Object.values(parts).map((part) => part.status))
  const worst = found.has('failing') ? 'failing' : found.has('warning') ? 'warning' : 'healthy'
  return { status: worst, provider: validity.status, ...parts }
}

function queueHealth({ pending, failed, lastError }: SyncStatus): PartHealth {
  if (failed > 0) return part('warning', `${failed} edits were refused and wait for a decision`)
  if (pending > 0 && lastError)
    return part('warning', `${pending} edits wait; the last sync failed: ${lastError.message}`)
  return part('healthy', pending > 0 ? `${pending} edits wait` : 'nothing waits')
}

function networkHealth({ online }: SyncStatus, { status, error }: Validity): PartHealth {
  if (!online) return part('warning', 'offline')
  if (status === 'no_provider') return part('healthy', 'no server is configured')
  if (status === 'healthy') return part('healthy', 'the server answers')
  return part(status === 'invalid' ? 'failing' : 'warning', error?.message ?? status)
}

async function storageHealth(store: Store): Promise<PartHealth> {
  try {
    await store.read(deviceOf)
    return part('healthy', 'readable')
  } catch (error) {
    return part('failing', classify(error).message)
  }
}

function conflictsHealth({ openConflicts }: Validity): PartHealth {
  if (openConflicts === undefined) return part('healthy', 'not known')
  return openConflicts > 0
    ? part('warning', `${openConflicts} conflicts wait for a decision`)
    : part('healthy', 'none open')
}
