import postgres, { type ReservedSql, type Sql } from 'postgres'
import { Refusal, type Caller } from './access.ts'
import type { Answer } from './http.ts'
import { errorBody, errorStatus } from './sqlstate.ts'

export interface RpcCall {
  name: string
  method: string
  query: URLSearchParams
  headers: Record<string, string>
  body: string
}

interface Argument {
  name: string
  type: string
  hasDefault: boolean
}

interface Routine {
  args: Argument[]
  volatile: boolean
  returns: 'void' | 'json' | 'value'
}

/**
 * Calls functions that return one value, as PostgREST does and with its bytes: json arguments and answers
 * pass through as text, so numbers beyond 2^53 and the order of keys survive, and a large answer costs
 * little more than its query. Functions that return rows are not its business.
 */
export class Rpc {
  readonly #sql: Sql
  readonly #routines = new Map<string, Promise<Routine[] | undefined>>()
  #roleSettings: Promise<Map<string, [string, string][]>> | undefined

  /** The connection is the authenticator's. */
  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** To be called when the schema has changed. */
  reload(): void {
    this.#routines.clear()
    this.#roleSettings = undefined
  }

  /** Undefined when the function returns rows. */
  async call(caller: Caller, request: RpcCall): Promise<Answer | undefined> {
    if (!['GET', 'HEAD', 'POST'].includes(request.method)) {
      const message = `Cannot use the ${request.method} method on RPC`
      throw new Refusal(405, { code: 'PGRST101', message, details: null, hint: null })
    }
    const reads = request.method === 'GET' || request.method === 'HEAD'
    const given = reads ? [...request.query.keys()] : topLevelKeys(request.body)
    const routines = await this.#lookUp(request.name)
    if (!routines) return undefined
    const routine = choose(routines, request.name, given)
    const names = routine.args.filter(({ name }) => given.includes(name))
    const { call, source, values } = reads ? fromQuery(request, names) : fromBody(request, names)
    const select = { void: call, json: `${call}::text`, value: `to_json(${call})::text` }[
      routine.returns
    ]
    try {
      const answer = await this.#run(
        caller,
        request,
        reads || !routine.volatile,
        `select ${select} ${source}`,
        values,
      )
      if (routine.returns === 'void') return { status: 204, headers: {}, body: '' }
      return {
        status: 200,
        headers: jsonHeaders,
        body: request.method === 'HEAD' ? '' : (answer ?? 'null'),
      }
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw unreachable(error)
      if (error.code === '42883') this.reload()
      const status = errorStatus(error, caller.role !== 'anon')
      const headers =
        status === 401 ? { ...jsonHeaders, 'www-authenticate': 'Bearer' } : jsonHeaders
      return { status, headers, body: JSON.stringify(errorBody(error)) }
    }
  }

  async #run(caller: Caller, request: RpcCall, readOnly: boolean, query: string, values: string[]) {
    const settings: [string, string][] = [
      ['search_path', 'public, extensions'],
      ['request.jwt.claims', JSON.stringify(caller.claims)],
      ['request.method', request.method],
      ['request.path', `/rpc/${request.name}`],
      ['request.headers', JSON.stringify(request.headers)],
      ...((await this.#settingsOf(caller.role)) ?? []),
      ['role', caller.role],
    ]
    const set = settings.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`).join(', ')
    const connection = await this.#acquire()
    try {
      // All sent at once, so that a call costs one trip to the database. After an error Postgres skips
      // what follows and makes the commit a rollback.
      const results = await Promise.allSettled([
        connection.unsafe(readOnly ? 'begin read only' : 'begin'),
        connection.unsafe(`select ${set}`, settings.flat(), { prepare: true }),
        connection.unsafe(query, values, { prepare: true }).raw(),
        connection.unsafe('commit'),
      ])
      const failed = results.find((result) => result.status === 'rejected')
      if (failed) throw failed.reason
      const rows = results[2].status === 'fulfilled' ? results[2].value : []
      return (rows[0] as unknown as (Buffer | null)[] | undefined)?.[0]
    } finally {
      connection.release()
    }
  }

  /** A server that takes no more connections is not waited for without end. */
  async #acquire(): Promise<ReservedSql> {
    const reserved = this.#sql.reserve()
    let late = false
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        late = true
        reject(busy())
      }, ACQUISITION_MS)
    })
    void reserved.then(
      (connection) => late && connection.release(),
      () => {},
    )
    return Promise.race([reserved, timeout]).finally(() => clearTimeout(timer))
  }

  #lookUp(name: string): Promise<Routine[] | undefined> {
    const known = this.#routines.get(name)
    if (known) return known
    const found = this.#read(name)
    this.#routines.set(name, found)
    // A function that is missing now may be there a moment later.
    found.catch(() => this.#routines.delete(name))
    return found
  }

  async #read(name: string): Promise<Routine[] | undefined> {
    const rows = await this.#sql<(Routine & { one: boolean })[]>`
      select provolatile = 'v' as volatile,
        not proretset and t.typtype in ('b', 'd', 'e', 'p') and prorettype <> 'record'::regtype and not exists (
          select from unnest(proargmodes) as mode where mode in ('o', 'b', 't', 'v')
        ) as one,
        case when prorettype = 'void'::regtype then 'void'
          when prorettype in ('json'::regtype, 'jsonb'::regtype) then 'json'
          else 'value' end as returns,
        coalesce((
          select json_agg(json_build_object(
            'name', proargnames[position],
            'type', format_type(type, null),
            'hasDefault', position > pronargs - pronargdefaults) order by position)
          from unnest(proargtypes::oid[]) with ordinality as argument (type, position)
        ), '[]') as args
      from pg_proc join pg_type t on t.oid = prorettype
      where pronamespace = 'public'::regnamespace and prokind = 'f' and proname = ${name}`
    if (rows.length === 0) throw notFound(name, [])
    return rows.every(({ one }) => one) ? rows : undefined
  }

  /** A request gets its role's settings, statement_timeout above all, though it never signs in as that role. */
  async #settingsOf(role: string): Promise<[string, string][] | undefined> {
    this.#roleSettings ??= this.#sql<{ role: string; name: string; value: string }[]>`
      select rolname as role, split_part(setting, '=', 1) as name,
        substr(setting, strpos(setting, '=') + 1) as value
      from pg_db_role_setting
        join pg_roles on pg_roles.oid = setrole
        cross join unnest(setconfig) as setting
      where rolname in ('anon', 'authenticated', 'service_role')`.then((rows) =>
      rows.reduce(
        (map, { role, name, value }) => map.set(role, [...(map.get(role) ?? []), [name, value]]),
        new Map<string, [string, string][]>(),
      ),
    )
    return (await this.#roleSettings).get(role)
  }
}

/** How long PostgREST waits for a connection of its pool, unless it is told otherwise. */
const ACQUISITION_MS = 10_000

function busy(): Refusal {
  return new Refusal(504, {
    code: 'PGRST003',
    message: 'Timed out acquiring connection from connection pool.',
    details: null,
    hint: null,
  })
}

/** A connection that broke, or was not to be had; what is no such thing stays as it is. */
function unreachable(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!/^(CONNECTION_|CONNECT_|ECONN|EPIPE)/.test(code)) return error
  return new Refusal(503, {
    code: 'PGRST001',
    message: 'Database client error. Retrying the connection.',
    details: code,
    hint: null,
  })
}

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' }

/** The function whose arguments are the given ones, with defaults for the rest. */
function choose(routines: Routine[], name: string, given: string[]): Routine {
  const fits = routines.filter(
    ({ args }) =>
      given.every((key) => args.some((arg) => arg.name === key)) &&
      args.every((arg) => arg.hasDefault || given.includes(arg.name)),
  )
  if (fits.length === 1) return fits[0]!
  if (fits.length === 0) throw notFound(name, given)
  throw new Refusal(300, {
    code: 'PGRST203',
    message: `Could not choose the best candidate function between: ${fits.map((fit) => signature(name, fit)).join(', ')}`,
    details: null,
    hint: 'Try renaming the parameters or the function itself in the database so function overloading can be resolved',
  })
}

function notFound(name: string, given: string[]): Refusal {
  const wanted = given.length > 0 ? `(${[...given].sort().join(', ')})` : ' without parameters'
  return new Refusal(404, {
    code: 'PGRST202',
    message: `Could not find the function public.${name}${wanted} in the schema cache`,
    details: `Searched for the function public.${name}${given.length > 0 ? ` with parameters ${[...given].sort().join(', ')}` : wanted}, but no matches were found in the schema cache.`,
    hint: null,
  })
}

function signature(name: string, { args }: Routine): string {
  return `public.${name}(${args.map((arg) => `${arg.name} => ${arg.type}`).join(', ')})`
}

/** Only the keys: the values are left to Postgres, which does not round numbers. */
function topLevelKeys(body: string): string[] {
  if (body.trim() === '') return []
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw new Refusal(400, {
      code: 'PGRST102',
      message: 'Empty or invalid json',
      details: null,
      hint: null,
    })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Refusal(400, {
      code: 'PGRST102',
      message: 'The body must be a json object',
      details: null,
      hint: null,
    })
  }
  return Object.keys(value)
}

function fromBody({ name, body }: RpcCall, args: Argument[]) {
  if (args.length === 0) return { call: `${target(name)}()`, source: '', values: [] }
  const columns = args.map((arg) => `${quote(arg.name)} ${arg.type}`).join(', ')
  const named = args.map((arg) => `${quote(arg.name)} => _body.${quote(arg.name)}`).join(', ')
  return {
    call: `${target(name)}(${named})`,
    source: `from json_to_record($1::text::json) as _body (${columns})`,
    values: [body],
  }
}

function fromQuery({ name, query }: RpcCall, args: Argument[]) {
  const named = args
    .map((arg, i) => `${quote(arg.name)} => $${i + 1}::text::${arg.type}`)
    .join(', ')
  return {
    call: `${target(name)}(${named})`,
    source: '',
    values: args.map((arg) => query.get(arg.name)!),
  }
}

function target(name: string): string {
  return `public.${quote(name)}`
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
