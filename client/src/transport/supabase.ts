import type { AuthLike } from './account.ts'

/** The part of a supabase-js client that is used; `createClient(…)` has it. */
export interface SupabaseLike {
  // Methods, so that a client typed by a generated Database is accepted whatever its functions are.
  rpc(name: never, args: never): unknown
  functions: { invoke(name: string, options: object): Promise<unknown> }
  auth: AuthLike
  /** Needed for mode `realtime` alone. */
  channel?(topic: string, options: never): unknown
  removeChannel?(channel: never): unknown
}
