import { Refusal } from './refusal.ts'

/**
 * The caller's `Authorization` value, if it can be that of a signed-in user.
 *
 * The platform's own check (`verify_jwt`) also lets a publishable key through, so who calls is looked
 * at here: a JWT of role `authenticated` with a subject, not expired. The signature is not verified:
 * the token goes to PostgREST with every call, which does, and no other credential is ever used. A
 * forged token therefore gets exactly as far as it would without this function.
 *
 * @throws {Refusal} `not_signed_in`, without a database call
 */
export function signedIn(request: Request, now: number): string {
  const header = request.headers.get('authorization')
  if (!header) throw notSignedIn('There is no Authorization header.')

  const token = /^bearer\s+(\S+)$/i.exec(header.trim())?.[1]
  const claims = token === undefined ? undefined : claimsOf(token)
  if (!claims) throw notSignedIn('The Authorization header holds no JWT.')
  if (claims.role !== 'authenticated' || typeof claims.sub !== 'string' || claims.sub === '') {
    throw notSignedIn('The token is not that of a signed-in user.')
  }
  if (typeof claims.exp === 'number' && claims.exp * 1000 <= now)
    throw notSignedIn('The token has expired.')
  return `Bearer ${token}`
}

export function notSignedIn(details: string): Refusal {
  return new Refusal('not_signed_in', {
    details,
    hint: "Send the user's access token as Authorization: Bearer <token>; API keys belong in the apikey header.",
  })
}

/** The payload of a token that has the form of a signed JWT. */
function claimsOf(token: string): Record<string, unknown> | undefined {
  const [header, payload, signature, ...rest] = token.split('.')
  if (!header || !payload || !signature || rest.length > 0) return undefined
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
      char.charCodeAt(0),
    )
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof claims === 'object' && claims !== null ? { ...claims } : undefined
  } catch {
    return undefined
  }
}
