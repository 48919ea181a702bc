import fc from 'fast-check'
import { action } from './action.ts'
import { slot } from './arbitraries.ts'

/** What the owner of the database does. */

export const purge = action<{ slot: number }>({
  weights: { wire: 3, client: 2 },
  happenings: () => ['purge'],
  of: () => fc.record({ slot }),
  play: ({ world }, { slot }) =>
    world.server.run(slot, { sql: `select tidemark.purge('0 s')` }, 'purge'),
})

/** A column comes, or goes again. */
export const changeSchema = action<{}>({
  weights: { wire: 2, client: 2 },
  happenings: () => ['schema changed'],
  of: () => fc.constant({}),
  play: ({ world }) => world.server.changeSchema(),
})

export const backUpDatabase = action<{}>({
  weights: { client: 1 },
  happenings: () => ['database backed up'],
  of: () => fc.constant({}),
  play: ({ world }, _, later) => world.server.backUp(isRestored(later)),
})

export const restoreDatabase = action<{}>({
  weights: { client: 2 },
  happenings: () => ['database restored'],
  of: () => fc.constant({}),
  play: ({ world }, _, later) => world.server.restore(isRestored(later)),
})

/** Whether the next thing that happens to the database as a whole is that it is put back. */
const isRestored = (later: readonly { do: string }[]): boolean =>
  later.find(({ do: what }) => what === 'backUpDatabase' || what === 'restoreDatabase')?.do ===
  'restoreDatabase'
