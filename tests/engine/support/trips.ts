import type { Sql } from 'postgres'
import { type TestUser, uniqueName } from '../../../dev/testing.ts'
import { Phone, type Row, through } from './phone.ts'

/** Trips that several people plan: who is in a trip is what the members table says. */
export class Trips {
  readonly kind = uniqueName('trip')
  readonly members = uniqueName('members')
  readonly items = uniqueName('items')
  readonly notes = uniqueName('notes')
  readonly #sql: Sql

  private constructor(sql: Sql) {
    this.#sql = sql
  }

  static async make(sql: Sql): Promise<Trips> {
    const trips = new Trips(sql)
    await trips.#create()
    return trips
  }

  /** Items of a trip, which its viewers see and its editors change, but for the editors' own; and notes of one person. */
  async #create(): Promise<void> {
    const { kind, members, items, notes } = this
    await this.#sql.unsafe(`
      create table public.${members} (
        trip int not null, user_id uuid not null, role text not null default 'editor', primary key (trip, user_id)
      );
      alter table public.${members} enable row level security;
      create policy "own" on public.${members} to authenticated using (user_id = (select auth.uid()));
      create table public.${items} (
        id int primary key, trip int not null, title text, for_editors boolean not null default false
      );
      alter table public.${items} enable row level security;
      create policy "members" on public.${items} to authenticated using (exists (
        select from public.${members} m
        where m.trip = ${items}.trip and m.user_id = (select auth.uid()) and (m.role = 'editor' or not ${items}.for_editors)
      ));
      create table public.${notes} (id int primary key, user_id uuid not null default auth.uid(), text text);
      alter table public.${notes} enable row level security;
      create policy "own rows" on public.${notes} to authenticated using (user_id = (select auth.uid()));
      grant select, insert, update, delete on public.${members}, public.${items}, public.${notes} to authenticated;
    `)
    await this.#sql.unsafe(`
      select tidemark.add_scope('${kind}', 'public.${members}', 'trip', 'user_id');
      select tidemark.add_table('public.${items}', '${kind}:trip');
      select tidemark.add_table('public.${notes}', 'user:user_id');
    `)
  }

  /** No longer synced. The tables stay: other tests' calls may be reading them. */
  async forget(): Promise<void> {
    const { kind, items, notes } = this
    await this.#sql.unsafe(`
      select tidemark.remove_table('public.${items}');
      select tidemark.remove_table('public.${notes}');
      delete from tidemark.sync_scopes where kind = '${kind}';
    `)
  }

  phone(user: TestUser): Phone {
    return new Phone(through(user.accessToken), [this.items, this.notes])
  }

  scope(trip: number): string {
    return `${this.kind}:${trip}`
  }

  join(user: TestUser, trips: number[], role = 'editor'): Promise<unknown> {
    return this.#sql`
      insert into public.${this.#sql(this.members)} ${this.#sql(trips.map((trip) => ({ trip, user_id: user.id, role })))}
      on conflict (trip, user_id) do update set role = excluded.role`
  }

  leave(user: TestUser, trips: number[]): Promise<unknown> {
    return this
      .#sql`delete from public.${this.#sql(this.members)} where user_id = ${user.id} and trip = any (${trips})`
  }

  /** New items of a trip: their ids are the trip's number times 1000 and up. */
  add(trip: number, from: number, to: number, forEditors = false): Promise<unknown> {
    return this.#sql`
      insert into public.${this.#sql(this.items)} (id, trip, title, for_editors)
      select ${trip * 1000} + n, ${trip}, 'item ' || n, ${forEditors} from generate_series(${from}::int, ${to}::int) n`
  }

  /** The rows that plain SQL shows the user now, by id. */
  async truth(user: TestUser, table: string): Promise<Record<string, Row>> {
    const found = await this.#sql.begin(async (tx) => {
      await tx`select set_config('request.jwt.claims', ${JSON.stringify({ sub: user.id, role: 'authenticated' })}, true)`
      await tx`set local role authenticated`
      return tx.unsafe(
        `select to_jsonb(t) as row from public.${table} t where deleted_at is null order by id::text collate "C"`,
      )
    })
    return Object.fromEntries(found.map(({ row }) => [String(row.id), row as Row]))
  }
}
