/** What a handler needs from outside, so that a test can put its own clock, network and log in place. */
export interface Deps {
  /** Base URL of the project, without a slash at the end. */
  url: string
  /** Goes with every call as `apikey`. Never a secret key: who calls is said by the caller's own token. */
  publishableKey: string
  fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Milliseconds since 1970. */
  now: () => number
  sleep: (ms: number) => Promise<void>
  /** 0 ≤ x < 1 */
  random: () => number
  log: (entry: LogEntry) => void
}

/** One line per call. It says how much, how long and how it ended, never what was in it. */
export interface LogEntry {
  function: string
  status: number
  /** The coded answer or SQLSTATE; null when all went well. */
  code: string | null
  mutations: number
  bytes_in: number
  bytes_out: number
  ms: number
  /** Calls made to the database: more than expected tells of retries and splitting. */
  rpcs: number
  /** Of a fault in the function itself: its kind and place. */
  error?: string
}

/**
 * The environment that hosted functions, `supabase start` and the local stack provide.
 *
 * @throws at start, naming the variable that is missing
 */
export function depsFromEnv(env: (name: string) => string | undefined): Deps {
  const url = env('SUPABASE_URL')
  if (!url) throw new Error('SUPABASE_URL is not set')
  return {
    url: url.replace(/\/+$/, ''),
    publishableKey: publishableKey(env),
    fetch: (url, init) => fetch(url, init),
    now: () => Date.now(),
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
    random: () => Math.random(),
    log: (entry) => console.log(JSON.stringify(entry)),
  }
}

/** The newer names first: a project may have its legacy keys switched off while their variable is still there. */
function publishableKey(env: (name: string) => string | undefined): string {
  const dictionary = env('SUPABASE_PUBLISHABLE_KEYS')
  if (dictionary) {
    const keys = JSON.parse(dictionary) as Record<string, string>
    const key = keys.default ?? Object.values(keys)[0]
    if (key) return key
  }
  const key = env('SUPABASE_PUBLISHABLE_KEY') ?? env('SUPABASE_ANON_KEY')
  if (!key)
    throw new Error(
      'None of SUPABASE_PUBLISHABLE_KEYS, SUPABASE_PUBLISHABLE_KEY, SUPABASE_ANON_KEY is set',
    )
  return key
}
