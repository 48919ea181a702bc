import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { freePort } from '../../../dev/ports.ts'
import { startStack, type Stack } from '../../../dev/stack.ts'
import type { Call } from './phone.ts'

/** A database of a test's own, that may be purged, stopped and put back without others noticing. */
export class OwnStack {
  readonly #folder: string
  #stack: Stack | undefined
  #sql: Sql | undefined

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async start(): Promise<OwnStack> {
    const own = new OwnStack(await mkdtemp(join(tmpdir(), 'tidemark-own-')))
    await own.#start()
    return own
  }

  get sql(): Sql {
    return this.#sql!
  }

  async #start(): Promise<void> {
    this.#stack = await startStack({
      port: await freePort(),
      dbPort: await freePort(),
      dataDir: join(this.#folder, 'data'),
      functions: false,
    })
    this.#sql = postgres(this.#stack.info.db_url, {
      max: 4,
      onnotice: () => {},
      connection: { TimeZone: 'UTC' },
    })
  }

  async #stop(): Promise<void> {
    await this.#sql?.end({ timeout: 1 })
    await this.#stack?.stop()
  }

  /** With owners and times, which Postgres insists on. */
  #copy(from: string, to: string): Promise<unknown> {
    return promisify(execFile)('cp', ['-a', join(this.#folder, from), join(this.#folder, to)])
  }

  /** Copies the database's files, as a snapshot of its disk would. */
  async backUp(): Promise<void> {
    await this.#stop()
    await this.#copy('data', 'backup')
    await this.#start()
  }

  /** Puts the copy back in place of what is there now. */
  async restore(): Promise<void> {
    await this.#stop()
    await rm(join(this.#folder, 'data'), { recursive: true })
    await this.#copy('backup', 'data')
    await this.#start()
  }

  async end(): Promise<void> {
    await this.#stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** The database's functions, called as the API calls them for a user. */
  as(user: string): Call {
    return (name, args) =>
      this.sql.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${JSON.stringify({ sub: user, role: 'authenticated' })}, true)`
        await tx`set local role authenticated`
        const [row] = await tx.unsafe(
          `select public.${name}(${Object.keys(args)
            .map((key, n) => `"${key}" => $${n + 1}`)
            .join(', ')}) as answer`,
          Object.values(args) as string[], // json goes in as it is
        )
        return row!.answer as unknown
      })
  }

  async notes(): Promise<void> {
    await this.sql.unsafe(`
      create table public.notes (id int primary key, user_id uuid not null default auth.uid(), text text);
      alter table public.notes enable row level security;
      create policy "own rows" on public.notes to authenticated using (user_id = (select auth.uid()));
      grant select, insert, update, delete on public.notes to authenticated;
      select tidemark.add_table('public.notes', 'user:user_id');
    `)
  }
}
