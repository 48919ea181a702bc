import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { PushResult } from '../../supabase/functions/_tidemark/wire.ts'
import { systemClock } from '../src/util/clock.ts'
import { uuid } from '../src/util/uuid.ts'
import { applyPage } from '../src/database/apply-page.ts'
import { applyPushResponse } from '../src/database/push-response.ts'
import type { Batch } from '../src/database/batch.ts'
import { type Row } from '../src/model/row.ts'
import { local } from './support/local.ts'
import { sameJson } from '../src/util/json.ts'
import { cursorOf, deviceOf } from '../src/database/meta.ts'
import { applyMutation } from '../src/database/rebase.ts'

/** What can happen to a device, from its app and from its server. */
const asked = { tables: ['t'], keys: new Map([['t', 'id']]) }
const ids = ['a', 'b', 'c']
const id = fc.constantFrom(...ids)
const value = fc.integer({ min: 0, max: 3 })
const column = fc.constantFrom('x', 'y')
const scope = fc.constantFrom('s1', 's2')
const outcome = fc.constantFrom('applied', 'merged', 'conflict', 'rejected', 'gone', 'duplicate')
const step = fc.oneof(
  fc.record({ do: fc.constant('insert' as const), id, value }),
  fc.record({ do: fc.constant('update' as const), id, column, value }),
  fc.record({ do: fc.constant('remove' as const), id }),
  fc.record({ do: fc.constant('send' as const) }),
  fc.record({
    do: fc.constant('answer' as const),
    outcomes: fc.array(outcome, { minLength: 6, maxLength: 6 }),
  }),
  fc.record({ do: fc.constant('upsert' as const), id, scope, value, older: fc.boolean() }),
  fc.record({ do: fc.constant('drop' as const), id, scope }),
  fc.record({ do: fc.constant('leave' as const), scope }),
  fc.record({ do: fc.constant('reset' as const) }),
  fc.record({ do: fc.constant('retry' as const) }),
  fc.record({ do: fc.constant('clear' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

class World {
  readonly device = local()
  batch: Batch | undefined
  version = 10
  seen: Row[] | undefined
  end = this.device.t.subscribe((rows) => (this.seen = rows))

  async page(
    change: { upsert?: Row[]; remove?: string[]; scope?: string },
    more: { left?: string[]; reset?: boolean } = {},
  ) {
    const { store } = this.device
    const { pages } = await store.read(cursorOf)
    const changes = [{ scope: 's1', table: 't', upsert: [], remove: [], ...change }]
    await store.write('remote', (transaction) =>
      applyPage(transaction, { changes, left: [], cursor: {}, ...more }, { pages, ...asked }),
    )
  }

  result(seq: number, id: string, outcome: string): PushResult {
    const row = { id, x: 9, y: 9, version: ++this.version }
    switch (outcome) {
      case 'rejected':
        return { seq, status: outcome, error: { code: 'constraint', message: '' } }
      case 'gone':
        return { seq, status: 'rejected', error: { code: 'gone', message: '' } }
      case 'applied':
        return { seq, status: outcome, version: row.version }
      default:
        return { seq, status: outcome as 'merged', version: row.version, row }
    }
  }

  async take(step: Step): Promise<void> {
    const { t, queue, send, store } = this.device
    switch (step.do) {
      case 'insert':
        return void (await t.insert({ id: step.id, x: step.value, y: 0 }).catch(() => {}))
      case 'update':
        return void (await t.update(step.id, { [step.column]: step.value }).catch(() => {}))
      case 'remove':
        return t.remove(step.id)
      case 'send':
        this.batch = await send()
        return
      case 'answer': {
        if (!this.batch) return
        const { mutations } = this.batch
        const results = mutations.map(({ seq, id }, n) =>
          this.result(seq, id, step.outcomes[n % 6]!),
        )
        const answer = { results, last_seq: mutations.at(-1)!.seq, server_time: '' }
        const { batch } = this
        await store.write('remote', (transaction) =>
          applyPushResponse(transaction, batch, answer, { clock: systemClock, newId: uuid }),
        )
        this.batch = undefined
        return
      }
      case 'upsert': {
        const version = step.older ? 1 : ++this.version
        return this.page({
          upsert: [{ id: step.id, x: step.value, y: 5, version }],
          scope: step.scope,
        })
      }
      case 'drop':
        return this.page({ remove: [step.id], scope: step.scope })
      case 'leave':
        return this.page({}, { left: [step.scope] })
      case 'reset':
        return this.page({}, { reset: true })
      case 'retry':
        return void (await queue.retryFailed())
      case 'clear':
        return void (await queue.clear())
    }
  }

  async check(): Promise<void> {
    const { store, t } = this.device
    await store.read(async (tx) => {
      const device = await deviceOf(tx)
      const queue = await tx.scan('queue')
      const rows = await tx.scan('rows')
      const used = [...queue, ...(await tx.scan('failed'))].map(({ seq }) => seq)
      expect(new Set(used).size, 'no number is used twice').toBe(used.length)
      expect(Math.max(0, ...used), 'no number is ahead of the counter').toBeLessThanOrEqual(
        device.seq,
      )

      for (const record of rows) {
        const edits = queue.filter((edit) => edit.id === record.id)
        expect(record.queued ?? 0, 'a row counts its edits').toBe(edits.length)
        expect(record.base !== undefined, 'a base is kept while edits wait').toBe(edits.length > 0)
        expect(record.queued || record.row, 'nothing is kept of a row that is gone').toBeTruthy()
        if (edits.length === 0) continue
        const shown = edits.reduce(applyMutation, record.base ?? null)
        if (record.base || record.row === null) expect(record.row).toEqual(shown)
        // A row that the server took away stays in sight until its edits are answered.
        else if (shown) expect(record.row).toMatchObject(shown)
      }
      for (const { id } of queue)
        expect(
          rows.some((record) => record.id === id),
          'an edit has its row',
        ).toBe(true)
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(sameJson(this.seen, await t.list()), 'a subscriber sees what a list gives').toBe(true)
  }
}

it('whatever happens, a row is the server\u2019s with this device\u2019s edits on top, and the queue agrees', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const world = new World()
      for (const step of steps) {
        await world.take(step)
        await world.check()
      }
      world.end()
    }),
    { numRuns: 300, verbose: 1 },
  )
})
