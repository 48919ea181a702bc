import type { SupabaseClient } from '@supabase/supabase-js'
import { labelOf, type Project } from './project.ts'

/** Somebody who tries the page, kept in this browser. Nobody has to sign up by hand: accounts are made up. */
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

/** Lets Ada be somebody who has an account already, where nobody can just sign up. */
export function signInAs(project: Project, account: Pick<Person, 'email' | 'password'>): void {
  const person = { name: 'Ada', ...account }
  localStorage.setItem(`tidemark-playground-${labelOf(project)}-Ada`, JSON.stringify(person))
  localStorage.setItem(signedUp(account.email), 'yes')
}

const signedUp = (email: string): string => `tidemark-playground-account-${email}`

/** Signs a device in, and up where the account is new. Resolves to the user's id. */
export async function signIn(supabase: SupabaseClient, person: Person): Promise<string> {
  const { data: known } = await supabase.auth.getSession()
  if (known.session) return known.session.user.id
  const { email, password } = person
  const there = signedUp(email)
  if (localStorage.getItem(there)) {
    const { data, error } = await supabase.auth.signInWithPassword({ email, password })
    if (error) throw error
    return data.user.id
  }
  const { data, error } = await supabase.auth.signUp({ email, password })
  if (error) throw error
  if (!data.session)
    throw new Error(
      'This project wants e-mail addresses to be confirmed: sign in with an account that is, or turn that off to play.',
    )
  localStorage.setItem(there, 'yes')
  return data.session.user.id
}
