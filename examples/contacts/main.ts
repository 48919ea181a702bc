import type { SupabaseClient } from '@supabase/supabase-js'
import { createAttachments } from '../../client/src/integrations/attachments/index.ts'
import {
  createSync,
  functionsTransport,
  localStorageStorage,
  type Table,
  type WebStorage,
} from '../../client/src/index.ts'
import type { StackInfo } from '../../dev/stack.ts'
import { switchedNetwork } from '../network.ts'
import { signUp } from '../person.ts'
import { say } from '../say.ts'
import { memoryFiles } from '../../client/src/integrations/attachments/files.ts'

interface Contact {
  id: string
  name: string
  phone: string | null
  tags: string[]
  photo: string | null
}

/** `localStorage`, for a program that runs in Node. */
function area(): WebStorage {
  const items = new Map<string, string>()
  return {
    get length() {
      return items.size
    },
    key: (place) => [...items.keys()][place] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  }
}

function device(supabase: SupabaseClient) {
  const network = switchedNetwork()
  const photos = createAttachments({ supabase, bucket: 'photos', files: memoryFiles() })
  const sync = createSync({
    supabase,
    storage: localStorageStorage('contacts', { area: area() }),
    tables: ['contacts', { name: 'preferences', priority: 'low' }],
    transport: photos.before(functionsTransport(supabase)),
    network,
  })
  const contacts = photos.table(
    sync.table('contacts') as unknown as Table<Contact, Partial<Contact>, Partial<Contact>>,
    ['photo'],
  )
  return { sync, contacts, preferences: sync.table('preferences'), photos, network }
}

/** A phone is used offline; a laptop edits the same contact meanwhile. */
export async function main(info: StackInfo): Promise<void> {
  const ada = await signUp(info, 'Ada')
  const phone = device(await ada.signIn())
  const laptop = device(await ada.signIn())

  phone.network.set(false)
  await phone.preferences.insert({ id: `${ada.id}/theme`, value: 'dark' })
  const photo = new File([new Uint8Array(50_000)], 'grace.png', { type: 'image/png' })
  const grace = await phone.contacts.insert({ name: 'Grace', tags: ['navy'], photo })
  await phone.contacts.insert({ name: 'Edsger' }, { priority: 'high' })
  say('phone', `offline: ${(await phone.contacts.list()).length} contacts, one with a photo`)
  const failed = await phone.sync.sync().catch((error: Error) => error.message)
  say('phone', `cannot sync: ${String(failed)}`)
  const waiting = await phone.sync.queue.list()
  say('phone', `waiting: ${waiting.map(({ op, table }) => `${op} ${table}`).join(', ')}`)

  phone.network.set(true)
  const up = await phone.sync.sync()
  say('phone', `online: ${up.pushed} edits sent, the photo first`)
  await laptop.sync.sync()
  const seen = (await laptop.contacts.get(grace.id))!
  const read = await laptop.photos.read(seen.photo!)
  say('laptop', `sees Grace and her photo of ${read.size} bytes`)

  await phone.contacts.update(grace.id, { phone: '555 0101', tags: ['navy', 'cobol'] })
  await laptop.contacts.update(grace.id, { name: 'Grace Hopper', tags: ['navy', 'yale'] })
  await phone.sync.sync()
  const { merged } = await laptop.sync.sync()
  await phone.sync.sync()
  const both = (await phone.contacts.get(grace.id))!
  say(
    'laptop',
    `${merged} edit merged: ${both.name}, ${both.phone}, ${both.tags.toSorted().join(' ')}`,
  )

  const same = JSON.stringify(both) === JSON.stringify(await laptop.contacts.get(grace.id))
  say('both', same ? 'hold the same' : 'DIFFER')
  await phone.sync.close()
  await laptop.sync.close()
}
