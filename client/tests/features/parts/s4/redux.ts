import { applyMiddleware, createStore } from 'redux'
import { expect, it } from 'vitest'
import { isRowsAction, reduxSync, takeRows } from '../../../../src/integrations/redux/index.ts'
import type { Row } from '../../../../src/index.ts'
import type { Device } from '../../../support/project.ts'
import { project } from '../../support.ts'
import { createTracker } from '../../../../src/integrations/redux/tracker.ts'

interface State {
  trips: Record<string, Row>
}

type Action =
  | { type: 'put'; row: Row }
  | { type: 'drop'; id: string }
  | { type: 'unrelated' }
  | { type: string }

function reducer(state: State = { trips: {} }, action: Action): State {
  if (isRowsAction(action)) return { trips: takeRows(state.trips, action.payload) }
  if (action.type === 'put' && 'row' in action)
    return { trips: { ...state.trips, [String(action.row.id)]: action.row } }
  if (action.type === 'drop' && 'id' in action)
    return {
      trips: Object.fromEntries(Object.entries(state.trips).filter(([id]) => id !== action.id)),
    }
  return state
}

const feature = 'change tracking from a Redux-style store by middleware, and per-entity trackers'

export function redux(): void {
  const p = project()

  function app({ sync }: Device) {
    const bridge = reduxSync<State>(sync, {
      trips: { table: p.table, select: (state) => state.trips },
    })
    const store = createStore(reducer, applyMiddleware(bridge.middleware as never))
    return { bridge, store, trips: () => store.getState().trips }
  }

  it(`${feature}: the middleware, both ways`, async () => {
    const [one, two] = [await p.open(), await p.open()]
    const [a, b] = [app(one), app(two)]
    const id = crypto.randomUUID()
    a.store.dispatch({ type: 'put', row: { id, name: 'Rome', n: 1 } })
    a.store.dispatch({ type: 'put', row: { id, name: 'Roma', n: 1 } })
    a.store.dispatch({ type: 'unrelated' })
    await a.bridge.idle()
    expect(await one.sync.queue.list()).toMatchObject([{ op: 'put', data: { name: 'Roma' } }])
    await one.sync.sync()

    await two.sync.sync()
    await b.bridge.idle()
    expect(b.trips()[id]).toMatchObject({ name: 'Roma', version: 1 })
    b.store.dispatch({ type: 'put', row: { ...b.trips()[id], n: 2 } })
    await b.bridge.idle()
    expect(await two.sync.queue.list()).toMatchObject([{ op: 'patch', data: { n: 2 } }])
    await two.sync.sync()
    await one.sync.sync()
    await a.bridge.idle()
    expect(a.trips()[id]).toMatchObject({ name: 'Roma', n: 2 })

    a.store.dispatch({ type: 'drop', id })
    await a.bridge.idle()
    await one.sync.sync()
    await two.sync.sync()
    await b.bridge.idle()
    expect(b.trips()).toEqual({})
    const later = app(two)
    await two.rows.insert({ name: 'Oslo' })
    await later.bridge.load()
    expect(Object.values(later.trips())).toMatchObject([{ name: 'Oslo' }])
    for (const { bridge } of [a, b, later]) bridge.end()
  })

  it(`${feature}: a tracker of one entity`, async () => {
    const { sync } = await p.open()
    const errors: string[] = []
    const tracker = createTracker(sync.table(p.table), 'id', ({ code }) => errors.push(code))
    const [one, two] = [
      { id: crypto.randomUUID(), n: 1, name: 'x' },
      { id: crypto.randomUUID(), n: 2, name: 'y' },
    ]
    tracker.track([], [one, two])
    tracker.track([one, two], [one])
    tracker.track([one], [{ ...one, n: 3 }])
    tracker.track([], [one])
    await tracker.idle()
    expect(errors).toEqual(['exists'])
    expect(await sync.queue.list()).toMatchObject([{ op: 'put', id: one.id, data: { n: 3 } }])
  })
}
