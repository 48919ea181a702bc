import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import type { StackInfo } from '../dev/stack.ts'

export interface Person {
  name: string
  id: string
  /** Signs one more device in. */
  signIn(): Promise<SupabaseClient>
}

/** A new user of the project. */
export async function signUp(info: StackInfo, name: string): Promise<Person> {
  const auth = { persistSession: false, autoRefreshToken: false }
  const client = () => createClient(info.api_url, info.publishable_key, { auth })
  const credentials = { email: `${crypto.randomUUID()}@example.com`, password: crypto.randomUUID() }
  const { data, error } = await client().auth.signUp(credentials)
  if (error) throw error
  return {
    name,
    id: data.user!.id,
    async signIn() {
      const supabase = client()
      const { error } = await supabase.auth.signInWithPassword(credentials)
      if (error) throw error
      return supabase
    },
  }
}
