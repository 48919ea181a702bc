import type { SupabaseClient } from '@supabase/supabase-js'
import { createClient } from '@supabase/supabase-js'
import { personOf, signIn } from './people.ts'
import { labelOf, type Project } from './project.ts'
import { TABLES } from './schema.ts'

/** What stands between the page and its tables. */
export interface Missing {
  message: string
  /** Whether the demo tables are what is missing. */
  tables: boolean
}

async function tablesOf(supabase: SupabaseClient): Promise<string[]> {
  const { data, error } = await supabase.rpc('sync_status')
  if (error) throw new Error(`Tidemark does not answer there: ${error.message}`)
  return (data as { tables: string[] }).tables
}

/**
 * Sees to it that the demo tables are there. The stack that serves the page adds them when asked, and is
 * asked only by the page; to any other project nobody adds anything. Resolves to what is missing.
 */
export async function requireTables(project: Project): Promise<Missing | undefined> {
  const storageKey = `tidemark-playground-${labelOf(project)}-setup`
  const supabase = createClient(project.url, project.key, {
    auth: { storageKey, detectSessionInUrl: false, autoRefreshToken: false },
  })
  try {
    await signIn(supabase, personOf(project, 'Ada'))
    const lacking = async (): Promise<boolean> => {
      const there = new Set(await tablesOf(supabase))
      return Object.values(TABLES).some((table) => !there.has(table))
    }
    if (!(await lacking())) return undefined
    if (project.local) {
      const response = await fetch('/playground/tables', { method: 'POST' })
      if (response.ok && !(await lacking())) return undefined
    }
    return { message: 'This project lacks the demo tables.', tables: true }
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error), tables: false }
  }
}
