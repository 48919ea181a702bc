import 'fake-indexeddb/auto'
import type { SupabaseClient } from '@supabase/supabase-js'
import { applyMiddleware, createStore, type Middleware } from 'redux'
import { createSync, indexedDbStorage, type Row, type Sync } from '../../client/src/index.ts'
import type { StackInfo } from '../../dev/stack.ts'
import { switchedNetwork } from '../network.ts'
import { signUp } from '../person.ts'
import { say } from '../say.ts'
import { type Action, isUserAction, reducer } from './actions.ts'

const tables = ['trips', 'people', 'items', 'rule_overrides']

/** What the user does becomes an edit of the table; the reducer goes on as ever. */
function track(sync: Sync): Middleware {
  return () => (next) => (action) => {
    const result = next(action)
    const edit = action as Action
    if (isUserAction(edit)) {
      const table = sync.table(edit.table)
      if (edit.type === 'add') void table.insert(edit.row)
      if (edit.type === 'change') void table.update(edit.id, edit.patch)
      if (edit.type === 'remove') void table.remove(edit.id)
    }
    return result
  }
}

/** The app on one device: a Redux store in memory, kept up by the tables on the device. */
async function app(supabase: SupabaseClient, name: string) {
  const network = switchedNetwork()
  const sync = createSync({ supabase, storage: indexedDbStorage(name), tables, network })
  await sync.ready()
  const store = createStore(reducer, applyMiddleware(track(sync)))
  for (const table of tables)
    sync.table(table).subscribe((rows) => {
      store.dispatch({ type: 'table changed', table, rows })
    })
  return {
    sync,
    network,
    dispatch: store.dispatch,
    rows: (table: string) => Object.values(store.getState()[table] ?? {}),
    async share(trip: string, with_user: string, shared: boolean) {
      const { error } = await supabase.rpc('share_trip', { trip, with_user, shared })
      if (error) throw error
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
  const { pushed } = await ada.sync.waitForSync()
  await ada.share(trip_id!, bobHimself.id, true)
  await bob.sync.sync()
  await until(() => bob.rows('trips').length === 1 && bob.rows('items').length === 2)
  say('Ada', `online: ${pushed} changes sent, the trip is shared with Bob`)
  say('Bob', `sees ${names(bob.rows('trips'))} with ${names(bob.rows('items'))}`)

  ada.dispatch({ type: 'change', table: 'items', id: boots!, patch: { quantity: 3 } })
  bob.dispatch({ type: 'change', table: 'items', id: boots!, patch: { quantity: 2, packed: true } })
  ada.dispatch({ type: 'remove', table: 'items', id: tent! })
  for (const { sync } of [ada, bob, ada]) await sync.waitForSync()
  const shown = ({ rows }: typeof ada): string =>
    rows('items')
      .map(({ name, quantity, packed }) => `${quantity} ${name}${packed ? ', packed' : ''}`)
      .join('; ')
  await until(() => shown(ada).includes('packed') && shown(ada) === shown(bob))
  say('Ada', `after both have changed the boots: ${shown(ada)}`)
  say('Bob', `the same: ${shown(bob)}`)

  await ada.share(trip_id!, bobHimself.id, false)
  await bob.sync.sync()
  await until(() => bob.rows('items').length === 0)
  say('Bob', `no longer of the party, his device holds ${bob.rows('items').length} items`)
  for (const { sync } of [ada, bob]) await sync.close()
}

/** Waits until the tables have told the store of a sync, which they do a moment after it. */
async function until(shown: () => boolean): Promise<void> {
  while (!shown()) await new Promise((resolve) => setTimeout(resolve, 5))
}
