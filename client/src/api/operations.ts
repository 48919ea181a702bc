import type { Emitter, SyncEvents, SyncReport } from '../model/events.ts'
import type { Settings } from './options.ts'
import { part } from '../util/part.ts'
import { heldInPart } from '../database/prune.ts'
import { startAfresh } from '../database/apply-page.ts'
import { renamed } from '../database/batch.ts'
import type { Provider } from '../transport/connection.ts'
import type { Requests } from '../transport/requests.ts'
import type { Runs } from '../sync/run.ts'
import type { Session } from '../sync/session.ts'
import { signOut } from './sign-out.ts'
import { cursorOf, deviceOf, type Store } from '../database/store.ts'
import type { RunOptions, Sync, Trouble } from './types.ts'
import type { Verification } from '../sync/verify.ts'
import type { Exchange } from '../sync/sync.ts'
import { waitForSync } from './wait-for-sync.ts'

/** What is asked for now and then, beside runs. */
export interface Operations extends Pick<
  Sync,
  | 'forceSyncAll'
  | 'waitForSync'
  | 'verify'
  | 'repair'
  | 'recover'
  | 'optimize'
  | 'renewDevice'
  | 'signOut'
  | 'stats'
  | 'health'
> {
  validate: Provider['validate']
  /** Compares with the server what a run has fetched, and heals it; not what is held in part on purpose. */
  compare(tables: readonly string[], heal?: boolean): Promise<Verification>
}

export interface OperationsDeps {
  settings: Settings
  store: Store
  /** The store as the app sees it. */
  admitted: Store
  exchange: Pick<Exchange, 'begin' | 'owned'>
  session: Session
  requests: Requests
  runs: Runs
  events: Emitter<SyncEvents>
  /** Throws where no such table is synced. */
  known(table: string): void
  /** Runs as the app asks for them; `sync` whatever `direction` says. */
  sync(options?: RunOptions): Promise<SyncReport>
  push(): Promise<SyncReport>
  /** Puts refused edits back. */
  retryFailed(): Promise<number>
  provider: Provider
  status: Sync['status']
}

export function createOperations(deps: OperationsDeps): Operations {
  const { settings, store, admitted, session, requests, events, sync, known } = deps
  const { begin, owned } = deps.exchange
  const { keys, clock, newId, network, backoff } = settings
  const { alone, forgive } = deps.runs

  /** The store of whoever it is compared for: what they may see is not for whoever has it next. */
  const held: Store = {
    ...store,
    read: (body) => store.read(async (tx) => (await owned(tx), body(tx))),
    write: (origin, body) =>
      store.write(origin, async (draft) => (await owned(draft.tx), body(draft))),
  }

  async function compare(tables: readonly string[], heal = true): Promise<Verification> {
    const { verify } = await part(import('../sync/verify.ts'))
    const partial = heldInPart(await held.read(cursorOf), settings)
    const whole = tables.filter((table) => !partial.includes(table))
    const found = await verify({ store: held, keys, call: requests.call }, { tables: whole, heal })
    events.emit('verified', found)
    return found
  }

  const verify: Sync['verify'] = ({ tables, heal } = {}) =>
    alone('verify', async () => {
      tables?.forEach(known)
      await session.claim()
      await begin()
      return compare(tables ?? settings.unskipped(), heal)
    })

  const repair: Sync['repair'] = () =>
    alone('repair', async () => {
      const { repair } = await part(import('../integrations/maintenance/repair.ts'))
      return admitted.write('local', (draft) => repair(draft, clock))
    })

  const startAgain = () =>
    alone('start afresh', () => store.write('local', ({ tx }) => startAfresh(tx, [...keys.keys()])))

  async function recover(from?: Trouble): Promise<SyncReport> {
    if (from === 'partial-sync') return sync()
    await repair()
    if (from === undefined || from === 'corruption') {
      const report = await sync()
      const { inSync } = await verify()
      if (inSync || (await verify()).inSync) return report
    }
    await startAgain()
    return sync()
  }

  return {
    compare,
    verify,
    repair,
    recover,
    optimize: () =>
      alone('optimize', async () => {
        const { optimize } = await part(import('../integrations/maintenance/repair.ts'))
        return admitted.write('local', optimize)
      }),
    async forceSyncAll(options = {}) {
      await admitted.read(async () => {})
      await deps.retryFailed()
      const report = await sync({ ...options })
      await verify()
      return report
    },
    waitForSync: (options = {}) =>
      waitForSync(
        {
          sync: (signal) => sync({ signal }),
          onRejected: (fn) => events.on('rejected', fn),
          network,
          backoff,
          clock,
        },
        options,
      ),
    async signOut(options = {}) {
      const signedOut = await signOut(store, options, newId, async () => (await deps.push()).pushed)
      session.reset()
      return signedOut
    },
    renewDevice: () =>
      alone('renew device', async () => {
        await store.write('local', async ({ tx }) =>
          tx.putMany('meta', [renamed(await deviceOf(tx), newId)]),
        )
        forgive()
      }),
    validate: async () => (await part(import('./validity.ts'))).validityOf(deps),
    stats: async () => (await part(import('./stats.ts'))).statsOf(admitted, deps.status()),
    health: async () => (await part(import('./health.ts'))).healthOf(deps),
  }
}
