import { classify, type SyncError } from '../model/errors.ts'
import { offline } from '../transport/requests.ts'
import type { SupabaseLike } from '../transport/supabase.ts'
import type { Core } from './core.ts'

/** The answer to a look at the server. */
export interface Validity {
  /**
   * `no_provider`: no project is connected. `disconnected`: the project does not answer. `invalid`: it answers, but
   * no user is signed in, the key is wrong or Tidemark is not installed. `healthy`: all is well.
   */
  status: 'no_provider' | 'disconnected' | 'invalid' | 'healthy'
  error?: SyncError
  /** Open conflicts of this user, where the server could tell. */
  openConflicts?: number
}

/** The Supabase project that this device syncs with, if one is connected. */
export interface Provider {
  /** `supabase`; null while no project is connected. */
  readonly name: 'supabase' | null
  /** Begins to sync with a project. Edits that were made before are sent there. */
  connect(supabase: SupabaseLike): void
  /** Goes on without a project. Rows and queue stay. */
  disconnect(): void
  /** True where a project is connected, the network is there and the last request got an answer. */
  connected(): boolean
  /** Asks the server whether everything needed is there. Never rejects. */
  validate(): Promise<Validity>
}

export interface ProviderDeps {
  core: Pick<Core, 'settings' | 'session' | 'requests'>
  lastError(): SyncError | null
}

export function createProvider({ core, lastError }: ProviderDeps): Provider {
  const { settings, session, requests } = core
  const { connection, network, transport } = settings

  /** One look, without a retry: the caller wants to know soon. */
  async function validate(): Promise<Validity> {
    if (!connection.current()) return { status: 'no_provider' }
    try {
      if (!network.online()) throw offline()
      await session.assertOwner()
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
