// @ts-types="./postgres.d.ts"
import postgres from 'postgres'
import type { Deps } from '../_tidemark/deps.ts'
import { closedDeps, post } from './support.ts'

/** The running stack, if there is one: without it the tests that need it are skipped, and say so. */
interface Stack {
  api_url: string
  functions_url: string
  db_url: string
  publishable_key: string
}

const file = Deno.env.get('TIDEMARK_STACK')
const stack: Stack | undefined = file ? JSON.parse(Deno.readTextFileSync(file)) : undefined

/** A table of this run alone, so that tests of other runs and kinds do not meet it. */
export const table = `functions_${crypto.randomUUID().slice(0, 8)}`

/** What a test on the real stack is given. */
export class World {
  readonly url = `${stack!.api_url}/functions/v1`
  readonly key = stack!.publishable_key
  readonly sql = postgres(stack!.db_url, { max: 2, onnotice: () => {} })

  /** Handlers called with these reach the real database through the real gateway. */
  deps(changes: Partial<Deps> = {}): ReturnType<typeof closedDeps> {
    return closedDeps({
      url: stack!.api_url,
      publishableKey: stack!.publishable_key,
      fetch: (url, init) => fetch(url, init),
      ...changes,
    })
  }

  async signUp(): Promise<User> {
    const email = `${crypto.randomUUID()}@example.com`
    const response = await fetch(`${stack!.api_url}/auth/v1/signup`, {
      method: 'POST',
      headers: { apikey: this.key, 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: crypto.randomUUID() }),
    })
    const { access_token, user } = await response.json()
    return new User(user.id, access_token)
  }

  async rows(user: User): Promise<string[]> {
    const rows = await this.sql.unsafe(
      `select row_to_json(t)::text as row from ${table} t where owner = '${user.id}' and deleted_at is null order by id`,
    )
    return rows.map(({ row }) => String(row))
  }
}

/** A signed-in user with one device. */
export class User {
  readonly device = crypto.randomUUID()
  readonly id: string
  readonly token: string

  constructor(id: string, token: string) {
    this.id = id
    this.token = token
  }

  request(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Request {
    return post(body, { authorization: `Bearer ${this.token}`, ...headers })
  }

  /** Text of a mutation that creates a row; `columns` is the text of more members. */
  put(seq: number, id: string = crypto.randomUUID(), columns = '"body":"text"'): string {
    return `{"seq":${seq},"table":"${table}","op":"put","id":"${id}","base":null,"edited_at":"${new Date().toISOString()}","data":{"id":"${id}","owner":"${this.id}",${columns}}}`
  }

  /** Text of a request body; `more` is the text of more members. */
  body(mutations: string[] | undefined, more = ''): string {
    const list = mutations ? `,"mutations":[${mutations.join(',')}]` : ''
    return `{"device_id":"${this.device}"${list}${more && `,${more}`}}`
  }
}

/** A test on the real stack, in a world with one synced table. */
export function stackTest(name: string, test: (world: World) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !stack,
    async fn() {
      const world = new World()
      try {
        await world.sql.unsafe(`
          create table ${table} (
            id uuid primary key,
            owner uuid not null references auth.users on delete cascade,
            body text,
            price numeric,
            big bigint
          );
          alter table ${table} enable row level security;
          create policy "owners do everything" on ${table} for all to authenticated
            using (owner = auth.uid()) with check (owner = auth.uid());
          grant select, insert, update, delete on ${table} to authenticated;
          select tidemark.add_table('${table}', 'user:owner');
          notify pgrst, 'reload schema'`)
        await test(world)
      } finally {
        await world.sql.unsafe(`
          select tidemark.remove_table('${table}');
          drop table ${table}`)
        await world.sql.end()
      }
    },
  })
}
