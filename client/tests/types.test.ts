import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { expect, expectTypeOf, it } from 'vitest'
import { createSync, type Row, type Table } from '../src/index.ts'

/** As `supabase gen types typescript` writes it. */
interface Database {
  public: {
    Tables: {
      contacts: {
        Row: { id: string; name: string; age: number | null }
        Insert: { id?: string; name: string; age?: number | null }
        Update: { id?: string; name?: string; age?: number | null }
        Relationships: []
      }
      cities: {
        Row: { code: number; name: string }
        Insert: { code: number; name: string }
        Update: { code?: number; name?: string }
        Relationships: []
      }
    }
    Views: Record<never, never>
    Functions: { greet: { Args: { who: string }; Returns: string } }
  }
}

it('tables are typed by the generated Database, and a client of any type is accepted', async () => {
  const supabase: SupabaseClient<Database> = createClient<Database>('http://localhost', 'key')
  const sync = createSync<Database>({
    supabase,
    tables: ['contacts', { name: 'cities', key: 'code' }],
  })
  const contacts = sync.table('contacts')
  type Contact = Database['public']['Tables']['contacts']['Row']
  expectTypeOf(contacts.insert).parameter(0).toEqualTypeOf<{
    id?: string
    name: string
    age?: number | null
  }>()
  expectTypeOf(contacts.get).returns.resolves.toEqualTypeOf<Contact | null>()
  expectTypeOf(contacts.list).returns.resolves.toEqualTypeOf<Contact[]>()
  const made = await contacts.insert({ name: 'Ada' })
  expectTypeOf(made).toEqualTypeOf<Contact>()
  await contacts.list({ name: 'Ada' }, { order: { column: 'age', ascending: false } })
  contacts.subscribe((rows) => expectTypeOf(rows).toEqualTypeOf<Contact[]>())()
  expectTypeOf(sync.table('cities')).toMatchTypeOf<Table<{ code: number; name: string }>>()
  // @ts-expect-error: no such table
  expect(() => sync.table('nothing')).toThrow('nothing')
  await sync.close()
})

it('without a Database rows are records of unknown values', async () => {
  const sync = createSync({
    supabase: createClient('http://localhost', 'key'),
    tables: ['contacts'],
  })
  expect(() => sync.table('others')).toThrow('others')
  expectTypeOf(sync.table('contacts')).toEqualTypeOf<Table>()
  expectTypeOf(sync.table('contacts').get).returns.resolves.toEqualTypeOf<Row | null>()
  await sync.close()
})
