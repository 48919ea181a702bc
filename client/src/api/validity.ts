import { classify, type SyncError } from '../model/errors.ts'
import { offline, type Requests } from '../transport/requests.ts'
import type { Settings } from './options.ts'
import type { Session } from '../sync/session.ts'

/** What a look at the server came to. */
export interface Validity {
  /**
   * `no_provider`: there is no project to sync with. `disconnected`: it does not answer. `invalid`: it
   * answers, but nobody is signed in, the key is wrong or Tidemark is not installed. `healthy`: all is well.
   */
  status: 'no_provider' | 'disconnected' | 'invalid' | 'healthy'
  error?: SyncError
  /** Conflicts of this user that wait, where the server could tell. */
  openConflicts?: number
}

export interface ValidityDeps {
  settings: Settings
  session: Session
  requests: Requests
}

/** Looks at the server once, without trying again: for whoever wants to know how things are, and soon. */
export async function validityOf({ settings, session, requests }: ValidityDeps): Promise<Validity> {
  if (!settings.connection.current()) return { status: 'no_provider' }
  try {
    if (!settings.network.online()) throw offline()
    await session.claim()
    const { open_conflicts } = await requests.once((signal) =>
      settings.transport.call<{ open_conflicts: number }>('sync_status', {}, signal),
    )
    return { status: 'healthy', openConflicts: open_conflicts }
  } catch (thrown) {
    const error = classify(thrown)
    return { status: error.retryable ? 'disconnected' : 'invalid', error }
  }
}
