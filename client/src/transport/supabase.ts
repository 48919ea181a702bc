import type { AuthLike } from './account.ts'

/** The methods of a supabase-js client that are used; the client that `createClient(…)` returns has them. */
export interface SupabaseLike {
  // Parameters of type `never` accept a client of any generated `Database` type.
  rpc(name: never, args: never): unknown
  functions: { invoke(name: string, options: object): Promise<unknown> }
  auth: AuthLike
  /** Needed only for mode `realtime`. */
  channel?(topic: string, options: never): unknown
  removeChannel?(channel: never): unknown
}
