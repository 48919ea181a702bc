/** The Supabase project that the page talks to. */
export interface Project {
  url: string
  /** Its publishable (anon) key. */
  key: string
  /** Whether whoever serves the page can add the demo tables to it. */
  local: boolean
}

const STORED = 'tidemark-playground-project'

/** Told by `?url=…&key=…`, told before, or the stack that serves the page; undefined where nobody knows. */
export async function findProject(): Promise<Project | undefined> {
  const query = new URLSearchParams(location.search)
  const [url, key] = [query.get('url'), query.get('key')]
  if (url && key) return remember({ url, key })
  const stored = localStorage.getItem(STORED)
  if (stored) return { ...(JSON.parse(stored) as Project), local: false }
  const response = await fetch('/playground/project.json').catch(() => undefined)
  if (!response?.ok || !response.headers.get('content-type')?.includes('json')) return undefined
  const { key: own } = (await response.json()) as { key: string }
  return { url: location.origin, key: own, local: true }
}

/** Uses this one from now on. */
export function remember({ url, key }: Pick<Project, 'url' | 'key'>): Project {
  const project = { url: url.replace(/\/+$/, ''), key, local: false }
  localStorage.setItem(STORED, JSON.stringify(project))
  return project
}

/** Back to the stack that serves the page. */
export const forget = (): void => localStorage.removeItem(STORED)

/** Part of the names of what is stored for a project, so that two never share. */
export const labelOf = ({ url, key }: Project): string => `${new URL(url).host}-${key.slice(-8)}`
