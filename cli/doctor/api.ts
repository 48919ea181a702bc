import { FUNCTIONS, PUSH } from '../project.ts'
import type { Finding } from './finding.ts'

/** What a client meets: the key, the RPCs and the functions. Sends no user's token and changes nothing. */
export async function checkApi(url: string, key: string): Promise<Finding[]> {
  if (key.startsWith('sb_secret_') || roleOf(key) === 'service_role')
    return [
      {
        check: 'secret_key',
        level: 'error',
        problem: 'The key is the secret one: whoever holds it reads and writes everything.',
        mend: 'Give clients the publishable key (sb_publishable_…), and renew the secret one if it has left your server.',
      },
    ]
  const rpc = await ask(`${url}/rest/v1/rpc/sync_status`, key).catch((error: unknown) => error)
  if (rpc instanceof Error)
    return [
      {
        check: 'no_answer',
        level: 'error',
        problem: `${url} does not answer: ${rpc.cause instanceof Error ? rpc.cause.message : rpc.message}.`,
        mend: 'Check the URL; a paused project has to be restored in the dashboard.',
      },
    ]
  const { status, body } = rpc as Answer
  const findings: Finding[] = []
  if (status === 401 && /api key/i.test(body))
    return [
      {
        check: 'wrong_key',
        level: 'error',
        problem: 'The project does not know this key.',
        mend: 'Copy URL and publishable key from the same project (npx supabase status, or Connect in the dashboard).',
      },
    ]
  if (status === 404)
    findings.push({
      check: 'rpc_not_found',
      level: 'error',
      problem:
        'The API knows no sync_status: Tidemark is not in this database, or the API has not noticed yet.',
      mend: `${PUSH}; if that changes nothing: notify pgrst, 'reload schema';`,
    })
  for (const name of FUNCTIONS) {
    const answer = await ask(`${url}/functions/v1/${name}`, key).catch(() => undefined)
    const found = answer && answer.status !== 404 && answer.status < 500
    if (!found)
      findings.push({
        check: 'function_not_deployed',
        level: 'warning',
        problem: `The function ${name} ${answer && answer.status >= 500 ? `fails with ${answer.status}` : 'is not deployed'}: clients use the database functions alone.`,
        mend: `npx supabase functions deploy ${name}`,
      })
  }
  return findings
}

interface Answer {
  status: number
  body: string
}

async function ask(url: string, key: string): Promise<Answer> {
  const headers = {
    apikey: key,
    'content-type': 'application/json',
    authorization: `Bearer ${key}`,
  }
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: '{}',
    signal: AbortSignal.timeout(15_000),
  })
  return { status: response.status, body: await response.text() }
}

/** The role inside a legacy key, which is a JWT. */
function roleOf(key: string): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(key.split('.')[1] ?? '', 'base64url').toString()) as {
      role?: string
    }
    return claims.role
  } catch {
    return undefined
  }
}
