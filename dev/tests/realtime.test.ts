import { afterAll, describe, expect, test } from 'vitest'
import type { RealtimeChannel, SupabaseClient } from '@supabase/supabase-js'
import {
  anonClient,
  changeSharedTable,
  connect,
  createUser,
  signIn,
  uniqueName,
} from '../testing.ts'

/** Topics `mine:<user id>` belong to that user, by a policy as an app would write it. */
const topics = uniqueName('mine')
const owner = connect()
await changeSharedTable(
  owner,
  `
  create policy "${topics}" on realtime.messages for select to authenticated
  using (extension = 'broadcast' and (select realtime.topic()) = '${topics}:' || (select auth.uid()))`,
)

afterAll(async () => {
  await changeSharedTable(owner, `drop policy "${topics}" on realtime.messages`)
  await owner.end()
})

interface Listener {
  channel: RealtimeChannel
  heard: unknown[]
  /** The statuses so far; the last one is what the channel is in. */
  statuses: string[]
}

async function listen(client: SupabaseClient, topic: string, secret = true): Promise<Listener> {
  const heard: unknown[] = []
  const statuses: string[] = []
  const channel = client.channel(topic, { config: { private: secret } })
  channel.on('broadcast', { event: '*' }, (message) => heard.push(message.payload))
  await new Promise<void>((resolve) => {
    channel.subscribe((status) => {
      statuses.push(status)
      resolve()
    })
  })
  return { channel, heard, statuses }
}

const send = (topic: string, payload: object, secret = true) =>
  owner`select realtime.send(${owner.json(payload as never)}, 'news', ${topic}, ${secret})`

describe('realtime of the local stack, spoken to by supabase-js', () => {
  test('a broadcast from the database reaches whom the policies let listen', async () => {
    const user = await createUser()
    const { channel, heard, statuses } = await listen(user.client, `${topics}:${user.id}`)
    expect(statuses).toEqual(['SUBSCRIBED'])
    await send(`${topics}:${user.id}`, { n: 1 })
    await expect.poll(() => heard).toEqual([expect.objectContaining({ n: 1 })])
    await user.client.removeChannel(channel)
    await send(`${topics}:${user.id}`, { n: 2 })
    const { heard: after } = await listen(user.client, `${topics}:${user.id}`)
    await send(`${topics}:${user.id}`, { n: 3 })
    await expect.poll(() => after).toContainEqual(expect.objectContaining({ n: 3 }))
    expect(heard).toHaveLength(1)
    await user.client.realtime.disconnect()
  })

  test('nobody else may join, signed in or not', async () => {
    const [user, other, anon] = [await createUser(), await createUser(), anonClient()]
    for (const client of [other.client, anon]) {
      const { statuses } = await listen(client, `${topics}:${user.id}`)
      expect(statuses[0]).toBe('CHANNEL_ERROR')
      await client.realtime.disconnect()
    }
  })

  test('a public channel hears public messages only, and a private one private ones', async () => {
    const user = await createUser()
    const topic = `${topics}:${user.id}`
    const open = await listen(anonClient(), topic, false)
    const closed = await listen(user.client, topic)
    await send(topic, { secret: false }, false)
    await send(topic, { secret: true })
    await expect.poll(() => open.heard).toEqual([expect.objectContaining({ secret: false })])
    await expect.poll(() => closed.heard).toEqual([expect.objectContaining({ secret: true })])
    await open.channel.unsubscribe()
    await user.client.realtime.disconnect()
  })

  test('what is rolled back is not sent', async () => {
    const user = await createUser()
    const topic = `${topics}:${user.id}`
    const { heard } = await listen(user.client, topic)
    await owner
      .begin(async (tx) => {
        await tx`select realtime.send('{"n": 1}', 'news', ${topic}, true)`
        throw new Error('no')
      })
      .catch(() => {})
    await send(topic, { n: 2 })
    await expect.poll(() => heard).toEqual([expect.objectContaining({ n: 2 })])
    await user.client.realtime.disconnect()
  })

  test('a token of somebody who may not listen ends the channel', async () => {
    const [user, other] = [await createUser(), await createUser()]
    const client = await signIn(user)
    const { heard, statuses } = await listen(client, `${topics}:${user.id}`)
    await client.realtime.setAuth(other.accessToken)
    await expect.poll(() => statuses.at(-1)).not.toBe('SUBSCRIBED')
    await send(`${topics}:${user.id}`, { n: 1 })
    const again = await listen(user.client, `${topics}:${user.id}`)
    await send(`${topics}:${user.id}`, { n: 2 })
    await expect.poll(() => again.heard).toContainEqual(expect.objectContaining({ n: 2 }))
    expect(heard).toEqual([])
    await Promise.all([client.realtime.disconnect(), user.client.realtime.disconnect()])
  })
})
