import type { SupabaseClient } from '@supabase/supabase-js'
import { labelOf, type Project } from './project.ts'

/** Somebody who tries the page. Nobody signs up by hand: the account is made up and kept in this browser. */
export interface Person {
  name: string
  email: string
  password: string
}

/** The person of this name in this browser, made up on first use. */
export function personOf(project: Project, name: string): Person {
  const place = `tidemark-playground-${labelOf(project)}-${name}`
  const stored = localStorage.getItem(place)
  if (stored) return JSON.parse(stored) as Person
  const email = `${name.toLowerCase()}.${crypto.randomUUID()}@example.com`
  const person = { name, email, password: crypto.randomUUID() }
  localStorage.setItem(place, JSON.stringify(person))
  return person
}

/** Signs a device in, and up where the account is new. Resolves to the user's id. */
export async function signIn(supabase: SupabaseClient, person: Person): Promise<string> {
  const { data: known } = await supabase.auth.getSession()
  if (known.session) return known.session.user.id
  const { email, password } = person
  const there = `tidemark-playground-account-${email}`
  if (localStorage.getItem(there)) {
    const { data, error } = await supabase.auth.signInWithPassword({ email, password })
    if (error) throw error
    return data.user.id
  }
  const { data, error } = await supabase.auth.signUp({ email, password })
  if (error) throw error
  if (!data.session)
    throw new Error('This project wants e-mail addresses to be confirmed: turn that off to play.')
  localStorage.setItem(there, 'yes')
  return data.session.user.id
}
