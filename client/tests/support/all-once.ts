import type { Sql } from 'postgres'
import { expect } from 'vitest'
import type { SyncStorage } from '../../src/index.ts'
import { rowsInDatabase } from './project.ts'
import { begin, changed, inserted, removed, type Story, there } from './two-hundred.ts'

/**
 * What must hold once a process has been restarted and has synced: each edit is in the database once,
 * each change of others is on the device, and nothing waits.
 */
export async function expectAllOnce(
  sql: Sql,
  story: Story,
  storage: SyncStorage,
  when: string,
): Promise<void> {
  const { sync, rows } = begin(story, storage)
  await sync.sync()
  const stored = (await rowsInDatabase(sql, story.table)).filter(
    ({ user_id }) => user_id === story.user,
  )
  const seen = stored
    .map(({ n, name, phone, visits, version }) => [n, name, phone, visits, version] as unknown[])
    .toSorted(([a], [b]) => Number(a) - Number(b))
  expect(seen, when).toEqual([
    ...range(1, 10).map((n) => [n, 'mine', 'theirs', 1, 3]),
    ...range(11, changed).map((n) => [n, 'mine', null, 1, 2]),
    ...range(changed + removed + 1, there).map((n) => [n, 'first', 'theirs', 0, 2]),
    ...range(1001, 1000 + inserted).map((n) => [n, 'mine', null, 0, 1]),
  ])
  expect(await rows.list(), when).toEqual(stored)
  expect(await sync.queue.list(), when).toEqual([])
  await sync.close()
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)
