import { verify } from 'hono/jwt'
import type { Keys } from '../keys.ts'

export interface Caller {
  role: string
  claims: Record<string, unknown>
}

/** A refusal as the hosted API words it. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly status: number
  readonly body: Record<string, unknown>
  constructor(status: number, body: { message: string } & Record<string, unknown>) {
    super(body.message)
    this.status = status
    this.body = body
  }
}

/** Who is asking: the key opens the door, a signed-in user's token names the role. */
export async function identify(
  keys: Keys,
  apikey: string | undefined,
  authorization: string | undefined,
): Promise<Caller> {
  if (!apikey) {
    throw new Refusal(401, {
      message: 'No API key found in request',
      hint: 'No `apikey` request header or url param was found.',
    })
  }
  const role =
    apikey === keys.publishable ? 'anon' : apikey === keys.secret ? 'service_role' : undefined
  if (!role)
    throw new Refusal(401, {
      message: 'Invalid API key',
      hint: 'Double check your Supabase `apikey`',
    })
  const token = bearer(authorization)
  if (!token || token === apikey || token.startsWith('sb_')) return { role, claims: { role } }
  const claims = await verifyToken(keys, token)
  return { role: typeof claims.role === 'string' ? claims.role : 'anon', claims }
}

export async function verifyToken(keys: Keys, token: string): Promise<Record<string, unknown>> {
  try {
    return await verify(token, keys.jwtSecret, 'HS256')
  } catch (error) {
    const expired = (error as Error).name === 'JwtTokenExpired'
    throw new Refusal(401, {
      code: expired ? 'PGRST303' : 'PGRST301',
      message: expired ? 'JWT expired' : 'No suitable key or wrong key type',
      details: null,
      hint: null,
    })
  }
}

export function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1]
}
