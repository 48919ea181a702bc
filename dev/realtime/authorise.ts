import type { Sql } from 'postgres'

/**
 * Whether the bearer of these claims may read broadcasts of a private topic: found out as hosted
 * Realtime does, by writing a message of that topic, looking whether the policies on
 * realtime.messages show it to them, and rolling back.
 */
export async function mayRead(
  sql: Sql,
  topic: string,
  claims: Record<string, unknown>,
): Promise<boolean> {
  const role = typeof claims.role === 'string' ? claims.role : 'anon'
  if (!['anon', 'authenticated', 'service_role'].includes(role)) return false
  let visible = false
  await sql
    .begin(async (tx) => {
      const [message] = await tx`
        insert into realtime.messages (topic, extension, private) values (${topic}, 'broadcast', true)
        returning id`
      await tx`
        select set_config('realtime.topic', ${topic}, true),
          set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
          set_config('request.jwt.claim.sub', ${String(claims.sub ?? '')}, true),
          set_config('role', ${role}, true)`
      const seen = await tx`select from realtime.messages where id = ${message!.id as string}`
      visible = seen.length > 0
      throw rollback
    })
    .catch((error: unknown) => {
      if (error !== rollback) throw error
    })
  return visible
}

const rollback = new Error('rolled back on purpose')
