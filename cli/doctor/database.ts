import type { Sql } from 'postgres'
import { PUSH, shippedFiles } from '../project.ts'
import type { Finding } from './finding.ts'

/** What the database says of itself. Reads only. */
export async function checkDatabase(sql: Sql, asked: Map<string, string>): Promise<Finding[]> {
  const [installed] = await sql<{ yes: boolean }[]>`
    select to_regclass('tidemark.sync_changes') is not null as yes`
  if (!installed!.yes)
    return [
      {
        check: 'not_installed',
        level: 'error',
        problem: 'This database has no Tidemark.',
        mend: `npx tidemark init && ${PUSH}`,
      },
    ]
  const checks = [
    unapplied(sql),
    withoutRls(sql),
    withoutGrant(sql),
    withoutPolicy(sql),
    withoutIndex(sql),
    slowPolicies(sql),
    disabledTriggers(sql),
    blockedByTombstones(sql),
    passedByDeletes(sql),
    withoutRealtime(sql),
    withoutPurge(sql),
    neverAdded(sql, asked),
  ]
  return (await Promise.all(checks)).flat()
}

type Check = Promise<Finding[]>

async function unapplied(sql: Sql): Check {
  const [record] = await sql<{ there: boolean }[]>`
    select to_regclass('supabase_migrations.schema_migrations') is not null as there`
  if (!record!.there) return []
  const applied = new Set(
    (
      await sql<{ version: string }[]>`select version from supabase_migrations.schema_migrations`
    ).map(({ version }) => version),
  )
  const open = (await shippedFiles())
    .map(({ path }) => /^migrations\/(\d+)_/.exec(path)?.[1])
    .filter((version) => version !== undefined && !applied.has(version))
  if (open.length === 0) return []
  return [
    {
      check: 'migration_missing',
      level: 'error',
      problem: `${open.length} of Tidemark's migrations were not applied to this database, first ${open[0]}.`,
      mend: `npx tidemark init && ${PUSH}`,
    },
  ]
}

async function withoutRls(sql: Sql): Check {
  const tables = await sql<{ name: string }[]>`
    select t.relation::regclass::text as name
    from tidemark.live_tables t
    join pg_catalog.pg_class c on c.oid = t.relation
    where not c.relrowsecurity
    order by 1`
  return tables.map(({ name }) => ({
    check: 'rls_disabled',
    level: 'error',
    problem: `Row Level Security is off on ${name}: every signed-in user reads and writes all of it.`,
    mend: `alter table ${name} enable row level security;`,
  }))
}

async function withoutGrant(sql: Sql): Check {
  const tables = await sql<{ name: string }[]>`
    select t.relation::regclass::text as name
    from tidemark.live_tables t
    where not has_any_column_privilege('authenticated', t.relation, 'select')
    order by 1`
  return tables.map(({ name }) => ({
    check: 'no_select_grant',
    level: 'error',
    problem: `Signed-in users have no rights on ${name}: nothing of it reaches a device.`,
    mend: `grant select, insert, update, delete on ${name} to authenticated;`,
  }))
}

async function withoutPolicy(sql: Sql): Check {
  const tables = await sql<{ name: string }[]>`
    select t.relation::regclass::text as name
    from tidemark.live_tables t
    join pg_catalog.pg_class c on c.oid = t.relation
    where c.relrowsecurity and not exists (
      select from pg_catalog.pg_policy p
      where p.polrelid = t.relation and p.polcmd in ('r', '*')
        and (p.polroles = '{0}' or 'authenticated'::regrole::oid = any (p.polroles)))
    order by 1`
  return tables.map(({ name }) => ({
    check: 'no_select_policy',
    level: 'error',
    problem: `${name} has no policy that lets signed-in users read: nothing of it reaches a device.`,
    mend: `create policy "own rows" on ${name} to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));`,
  }))
}

/** Columns that policies of synced tables look at, there and in other tables, and that are in no index. */
async function withoutIndex(sql: Sql): Check {
  const columns = await sql<{ relation: string; column: string; policy: string; on: string }[]>`
    select distinct on (1, 2) c.oid::regclass::text as relation, quote_ident(a.attname) as column,
      p.polname as policy, p.polrelid::regclass::text as on
    from tidemark.live_tables t
    join pg_catalog.pg_policy p on p.polrelid = t.relation
    join pg_catalog.pg_depend d
      on d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
      and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0
    join pg_catalog.pg_class c on c.oid = d.refobjid and c.relkind = 'r'
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
    -- an owner or a foreign key is what a policy searches by; a flag or a role is what it then tests
    where a.atttypid in ('uuid'::regtype, 'int4'::regtype, 'int8'::regtype)
      and not exists (
        select from pg_catalog.pg_index i
        where i.indrelid = c.oid and a.attnum = any (i.indkey))
    order by 1, 2, 3`
  return columns.map(({ relation, column, policy, on }) => ({
    check: 'policy_without_index',
    level: 'warning',
    problem: `The policy "${policy}" on ${on} looks at ${relation}.${column}, which has no index: every pull and push reads all of ${relation}.`,
    mend: `create index on ${relation} (${column});`,
  }))
}

async function slowPolicies(sql: Sql): Check {
  const policies = await sql<{ policy: string; on: string }[]>`
    select p.polname as policy, p.polrelid::regclass::text as on
    from tidemark.live_tables t
    join pg_catalog.pg_policy p on p.polrelid = t.relation
    cross join lateral (
      select coalesce(pg_get_expr(p.polqual, p.polrelid), '') || ' ' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as text
    ) e
    where regexp_replace(e.text, 'SELECT\\s+auth\\.(uid|jwt|role)\\(\\)', '', 'gi') ~* 'auth\\.(uid|jwt|role)\\(\\)'
    order by 2, 1`
  return policies.map(({ policy, on }) => ({
    check: 'policy_calls_per_row',
    level: 'warning',
    problem: `The policy "${policy}" on ${on} calls auth.uid() (or jwt, role) for every row.`,
    mend: `Write (select auth.uid()) in it: alter policy "${policy}" on ${on} using (…);`,
  }))
}

async function disabledTriggers(sql: Sql): Check {
  const tables = await sql<{ name: string; triggers: string }[]>`
    select t.relation::regclass::text as name, string_agg(g.tgname, ', ' order by g.tgname) as triggers
    from tidemark.live_tables t
    join pg_catalog.pg_trigger g on g.tgrelid = t.relation
    join pg_catalog.pg_proc f on f.oid = g.tgfoid and f.pronamespace = 'tidemark'::regnamespace
    where g.tgenabled = 'D'
    group by t.relation
    order by 1`
  return tables.map(({ name, triggers }) => ({
    check: 'trigger_disabled',
    level: 'error',
    problem: `Triggers of ${name} are disabled (${triggers}): writes go unnoticed and never reach a device.`,
    mend: `alter table ${name} enable trigger user;`,
  }))
}

async function blockedByTombstones(sql: Sql): Check {
  const indexes = await sql<{ name: string; index: string }[]>`
    select t.relation::regclass::text as name, i.indexrelid::regclass::text as index
    from tidemark.live_tables t
    join pg_catalog.pg_index i on i.indrelid = t.relation and i.indisunique and not i.indisprimary
    where coalesce(pg_get_expr(i.indpred, i.indrelid), '') !~ 'deleted_at IS NULL'
    order by 1, 2`
  return indexes.map(({ name, index }) => ({
    check: 'unique_meets_tombstones',
    level: 'warning',
    problem: `The unique index ${index} of ${name} also counts deleted rows: what was deleted cannot be made again.`,
    mend: `Make it partial, where deleted_at is null. select tidemark.add_table('${name}', …) prints the statement.`,
  }))
}

async function passedByDeletes(sql: Sql): Check {
  const tables = await sql<{ name: string; triggers: string }[]>`
    select t.relation::regclass::text as name, string_agg(quote_ident(p.name), ', ' order by p.name) as triggers
    from tidemark.live_tables t
    cross join lateral unnest(tidemark.triggers_passed_by(t.relation)) as p (name)
    group by t.relation
    order by 1`
  return tables.map(({ name, triggers }) => ({
    check: 'trigger_passed_by',
    level: 'warning',
    problem: `Deleting a row of ${name} is an update of deleted_at, which these triggers on delete are not told: ${triggers}.`,
    mend: `Call their functions so too: create trigger … after update of deleted_at on ${name} for each row when (old.deleted_at is null and new.deleted_at is not null) execute function …; and make those on delete again with "when (old.deleted_at is null)": tidemark.purge deletes tombstones for good.`,
  }))
}

async function withoutRealtime(sql: Sql): Check {
  const [state] = await sql<{ absent: boolean }[]>`
    select to_regclass('realtime.messages') is not null and not exists (
      select from pg_catalog.pg_policy p
      where p.polrelid = to_regclass('realtime.messages')
        and pg_get_expr(p.polqual, p.polrelid) like '%tidemark.may_listen%') as absent`
  if (!state!.absent) return []
  return [
    {
      check: 'realtime_policy_missing',
      level: 'warning',
      problem:
        'No policy lets members listen to pokes: mode realtime of the client hears of nothing.',
      mend: 'select tidemark.enable_realtime();',
    },
  ]
}

async function withoutPurge(sql: Sql): Check {
  const [state] = await sql<{ cron: boolean; old: boolean }[]>`
    select to_regclass('cron.job') is not null as cron,
      exists (select from tidemark.sync_changes c where c.at < now() - interval '120 days') as old`
  if (state!.cron) {
    const [job] = await sql<{ there: boolean }[]>`
      select exists (select from cron.job where command like '%tidemark.purge%') as there`
    if (job!.there) return []
  } else if (!state!.old) return []
  return [
    {
      check: 'purge_not_scheduled',
      level: 'warning',
      problem: 'Nothing calls tidemark.purge(): the log and the tombstones grow for ever.',
      mend: state!.cron
        ? 'select tidemark.schedule_purge();'
        : 'create extension pg_cron; select tidemark.schedule_purge(); or call tidemark.purge() from whatever runs your jobs.',
    },
  ]
}

async function neverAdded(sql: Sql, asked: Map<string, string>): Check {
  const synced = new Set(
    (await sql<{ name: string }[]>`select t.name from tidemark.live_tables t`).map(
      ({ name }) => name,
    ),
  )
  return [...asked]
    .filter(([name]) => !synced.has(name))
    .map(([name, file]) => ({
      check: 'table_never_added',
      level: 'error' as const,
      problem: `${file} asks createSync for the table "${name}", which is not synced.`,
      mend: `npx tidemark add ${name} && npx supabase db push`,
    }))
}
