import { expect, it } from 'vitest'
import { resolveConflicts, resolvers } from '../../../../src/index.ts'
import { collide, project } from '../../support.ts'
import { optimize, repair } from '../../../../src/integrations/maintenance/index.ts'

export function calls(): void {
  const p = project()

  it('startSync, stopSync, forceSyncAll, clearQueue, resolveConflicts, getSyncStatus, repairSync, optimizeSync', async () => {
    const table = await p.make(undefined, 'manual')
    const { a, b, id } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    const { sync, rows } = b
    sync.configure({ mode: 'periodic' })
    const completed = new Promise((resolve) => void sync.on('sync_completed', resolve))
    sync.start()
    expect(await completed).toMatchObject({ pushed: 1 })
    expect(sync.status().nextSync).not.toBeNull()
    sync.stop()
    expect(sync.status()).toMatchObject({ nextSync: null, pending: 0 })
    await expect.poll(() => sync.status().state).toBe('idle')

    const { resolved } = await resolveConflicts(sync, resolvers.local)
    expect(resolved).toMatchObject([{ row: { id, name: 'b' } }])

    await rows.insert({ user_id: crypto.randomUUID(), name: 'refused' })
    await sync.sync()
    await a.rows.insert({ name: 'elsewhere' })
    await a.sync.sync()
    const [refused] = await sync.queue.list({ status: 'failed' })
    await sync.queue.editFailed(refused!.seq, { user_id: p.user.id })
    expect(await sync.forceSyncAll()).toMatchObject({ pushed: 1, rejected: 0 })
    expect((await rows.list()).map(({ name }) => name).sort()).toEqual([
      'b',
      'elsewhere',
      'refused',
    ])

    await rows.update(id, { n: 1 })
    await rows.update(id, { n: 2 })
    expect(await optimize(sync)).toBe(0)
    await repair(sync)
    expect(await rows.get(id)).toMatchObject({ n: 2 })
    expect(await sync.queue.clear()).toBe(1)
    expect(await rows.get(id)).toMatchObject({ n: null })
    expect(sync.status()).toMatchObject({ pending: 0, failed: 0 })
  })
}
