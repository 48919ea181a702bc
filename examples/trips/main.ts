import 'fake-indexeddb/auto'
import type { SupabaseClient } from '@supabase/supabase-js'
import { applyMiddleware, createStore, type Middleware } from 'redux'
import { createSync, indexedDbStorage, type Row } from '../../client/src/index.ts'
import { reduxSync } from '../../client/src/integrations/redux/index.ts'
import type { StackInfo } from '../../dev/stack.ts'
import { switchedNetwork } from '../network.ts'
import { signUp } from '../person.ts'
import { say } from '../say.ts'
import { reducer, type State } from './reducer.ts'

const tables = ['trips', 'people', 'items', 'rule_overrides']

/** The app on one device: a Redux store in memory, in step with tables in IndexedDB. */
async function app(supabase: SupabaseClient, name: string) {
  const network = switchedNetwork()
  const sync = createSync({ supabase, storage: indexedDbStorage(name), tables, network })
  const tracked = tables.map((table) => [table, { table, select: (state: State) => state[table] }])
  const inStep = reduxSync<State>(sync, Object.fromEntries(tracked))
  const store = createStore(reducer, applyMiddleware(inStep.middleware as Middleware))
  await inStep.load()
  return {
    network,
    dispatch: store.dispatch,
    rows: (table: string) => Object.values(store.getState()[table] ?? {}),
    /** What was dispatched is on the server, and what was there is in the store. */
    async synced() {
      await inStep.idle()
      const report = await sync.waitForSync()
      await inStep.idle()
      return report
    },
    async share(trip: string, with_user: string, shared: boolean) {
      const { error } = await supabase.rpc('share_trip', { trip, with_user, shared })
      if (error) throw error
    },
    async close() {
      inStep.end()
      await sync.close()
    },
  }
}

const names = (rows: Row[]): string =>
  rows
    .map(({ name }) => String(name))
    .toSorted()
    .join(', ')

/** Two people pack for one trip, through Redux and mostly offline. */
export async function main(info: StackInfo): Promise<void> {
  const [adaHerself, bobHimself] = [await signUp(info, 'Ada'), await signUp(info, 'Bob')]
  const ada = await app(await adaHerself.signIn(), 'ada')
  const bob = await app(await bobHimself.signIn(), 'bob')
  const [trip_id, person_id, boots, tent] = Array.from({ length: 4 }, () => crypto.randomUUID())

  ada.network.set(false)
  const add = (table: string, id: string, row: Row): void =>
    void ada.dispatch({ type: 'add', table, row: { id, ...row } })
  add('trips', trip_id!, { name: 'Norway' })
  add('people', person_id!, { trip_id, name: 'Grace' })
  add('items', boots!, { trip_id, person_id, name: 'boots', quantity: 1, packed: false })
  add('items', tent!, { trip_id, name: 'tent', quantity: 1, packed: false })
  add('rule_overrides', crypto.randomUUID(), { trip_id, name: 'socks per day', quantity: 2 })
  say('Ada', `offline, in her store: ${names(ada.rows('trips'))} with ${names(ada.rows('items'))}`)

  ada.network.set(true)
  const { pushed } = await ada.synced()
  await ada.share(trip_id!, bobHimself.id, true)
  await bob.synced()
  say('Ada', `online: ${pushed} changes sent, the trip is shared with Bob`)
  say('Bob', `sees ${names(bob.rows('trips'))} with ${names(bob.rows('items'))}`)

  ada.dispatch({ type: 'change', table: 'items', id: boots!, patch: { quantity: 3 } })
  bob.dispatch({ type: 'change', table: 'items', id: boots!, patch: { quantity: 2, packed: true } })
  ada.dispatch({ type: 'remove', table: 'items', id: tent! })
  for (const one of [ada, bob, ada]) await one.synced()
  const shown = ({ rows }: typeof ada): string =>
    rows('items')
      .map(({ name, quantity, packed }) => `${quantity} ${name}${packed ? ', packed' : ''}`)
      .join('; ')
  say('Ada', `after both have changed the boots: ${shown(ada)}`)
  say('Bob', `the same: ${shown(bob)}`)

  await ada.share(trip_id!, bobHimself.id, false)
  await bob.synced()
  say('Bob', `no longer of the party, his device holds ${bob.rows('items').length} items`)
  for (const one of [ada, bob]) await one.close()
}
