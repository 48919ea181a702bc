import { classify, type SyncError } from '../model/errors.ts'
import { offlineError } from '../transport/requests.ts'
import type { SupabaseLike } from '../transport/supabase.ts'
import type { Core } from './core.ts'

/** The result of a check of the connection. */
export interface Validity {
  /**
   * `no_provider`: no project is connected. `disconnected`: the project does not answer. `invalid`: it answers, but
   * no user is signed in, the key is wrong or Tidemark is not installed. `healthy`: a sync can run.
   */
  status: 'no_provider' | 'disconnected' | 'invalid' | 'healthy'
  error?: SyncError
  /** Number of the user's open conflicts, where the server answered. */
  openConflicts?: number
}

/** The connection to the Supabase project that this device syncs with. */
export interface Provider {
  /** `supabase`; null while no project is connected. */
  readonly name: 'supabase' | null
  /** Connects a project. The next sync sends the edits that were made before. */
  connect(supabase: SupabaseLike): void
  /** Disconnects the project. Rows and queue stay. */
  disconnect(): void
  /** True where a project is connected, the device is online and the last sync did not fail for the network. */
  connected(): boolean
  /** Checks with the server whether a sync can run. Never rejects. */
  validate(): Promise<Validity>
}

export interface ProviderDeps {
  core: Pick<Core, 'settings' | 'session' | 'requests'>
  lastError(): SyncError | null
}

export function createProvider({ core, lastError }: ProviderDeps): Provider {
  const { settings, session, requests } = core
  const { connection, network, transport } = settings

  /** Sends one request without retries, so that the caller gets the result soon. */
  async function validate(): Promise<Validity> {
    if (!connection.current()) return { status: 'no_provider' }
    try {
      if (!network.online()) throw offlineError()
      await session.ensureOwner()
      const { open_conflicts } = await requests.once((signal) =>
        transport.call<{ open_conflicts: number }>('sync_status', {}, signal),
      )
      return { status: 'healthy', openConflicts: open_conflicts }
    } catch (thrown) {
      const error = classify(thrown)
      return { status: error.retryable ? 'disconnected' : 'invalid', error }
    }
  }

  return {
    get name() {
      return connection.current() ? 'supabase' : null
    },
    connect: (supabase) => connection.connect(supabase),
    disconnect: () => connection.connect(undefined),
    connected: () => !!connection.current() && network.online() && lastError()?.retryable !== true,
    validate,
  }
}
