import { expect, it } from 'vitest'
import { stack } from '../../../../../dev/testing.ts'
import { createSyncFromEnv } from '../../../../src/integrations/env/index.ts'
import { project } from '../../support.ts'

export function env(): void {
  const p = project()

  it('env variables SUPABASE_URL, SUPABASE_ANON_KEY, SYNC_AUTO_ENABLED, SYNC_INTERVAL_MINUTES, SYNC_BATCH_SIZE, SYNC_MAX_RETRIES', async () => {
    const variables = {
      SUPABASE_URL: stack().api_url,
      SUPABASE_ANON_KEY: stack().publishable_key,
      SYNC_AUTO_ENABLED: 'true',
      SYNC_INTERVAL_MINUTES: '2',
      SYNC_BATCH_SIZE: '3',
      SYNC_MAX_RETRIES: '0',
    }
    Object.assign(process.env, variables)
    const sent: number[] = []
    const { fetch } = globalThis
    try {
      const sync = createSyncFromEnv({
        tables: [p.table],
        debounce: 1e9,
        metrics: ({ sent: edits }) => edits && sent.push(edits),
      })
      const { error } = await sync.supabase!.auth.signInWithPassword(p.user)
      expect(error).toBeNull()
      await sync.ready()
      expect(sync.status().nextSync! - Date.now()).toBeGreaterThan(100_000)
      expect(sync.status().nextSync! - Date.now()).toBeLessThanOrEqual(120_000)
      await expect.poll(() => sync.status().lastSync).not.toBeNull()
      sync.stop()
      await sync.table(p.table).insertMany(Array.from({ length: 7 }, (_, n) => ({ n })))
      expect(await sync.sync()).toMatchObject({ pushed: 7 })
      expect(sent).toEqual([3, 3, 1])
      let tries = 0
      globalThis.fetch = async (...request) => {
        if (!/sync/.test(String(request[0]))) return fetch(...request)
        tries++
        throw new TypeError('fetch failed')
      }
      await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
      expect(tries).toBe(1)
      await sync.close()
    } finally {
      globalThis.fetch = fetch
      for (const name of Object.keys(variables)) delete process.env[name]
    }

    const manual = createSyncFromEnv(
      { tables: [p.table] },
      { ...variables, SYNC_AUTO_ENABLED: 'no' },
    )
    await manual.ready()
    expect(manual.status().nextSync).toBeNull()
    await manual.close()

    const alone = createSyncFromEnv({ tables: [p.table] }, {})
    expect(alone.supabase).toBeNull()
    await alone.table(p.table).insert({ n: 1 })
    expect(await alone.health()).toMatchObject({ provider: 'no_provider' })
    await alone.close()

    for (const wrong of [
      { SYNC_BATCH_SIZE: 'many' },
      { SYNC_MAX_RETRIES: '-1' },
      { SYNC_AUTO_ENABLED: 'perhaps' },
      { SUPABASE_URL: stack().api_url },
    ])
      expect(() => createSyncFromEnv({ tables: [p.table] }, wrong)).toThrow(
        expect.objectContaining({ name: 'ValidationError', code: 'invalid_env' }),
      )
  })
}
