import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { uniqueName } from '../../../../../dev/testing.ts'
import { project } from '../../support.ts'

const ROW =
  "RLS is the only authority: a row that leaves a user's view leaves the user's devices, also when the row itself did not change"

export function authority(): void {
  const p = project()

  it(`${ROW}: a membership ends, a row moves on, a policy hides it, and edits beyond it are refused`, async () => {
    const [kind, members, items] = ['kind', 'members', 'items'].map(uniqueName) as [
      string,
      string,
      string,
    ]
    await p.sql.unsafe(`
      create table public.${members} (list_id uuid, user_id uuid, primary key (list_id, user_id));
      create table public.${items} (
        id uuid primary key default gen_random_uuid(), list_id uuid not null, name text, secret boolean not null default false
      );
      alter table public.${members} enable row level security;
      alter table public.${items} enable row level security;
      grant select on public.${members} to authenticated;
      grant select, insert, update, delete on public.${items} to authenticated;
      create policy "see" on public.${members} for select to authenticated using (user_id = (select auth.uid()));
      create policy "share" on public.${items} to authenticated
        using (not secret and list_id in (select list_id from public.${members} where user_id = (select auth.uid())));
      select tidemark.add_scope('${kind}', 'public.${members}', 'list_id', 'user_id');
      select tidemark.add_table('public.${items}', '${kind}:list_id');`)
    const lists = [randomUUID(), randomUUID()] as const
    const others = randomUUID()
    for (const list of lists)
      await p.sql`insert into ${p.sql(members)} values (${list}, ${p.user.id})`
    for (const [n, list] of [...lists, others].entries())
      for (const name of ['a', 'b', 'c'])
        await p.sql`insert into ${p.sql(items)} (list_id, name) values (${list}, ${name + String(n)})`

    const { sync, rows } = await p.open({}, [items])
    const names = async () => {
      await sync.sync()
      return (await rows.list({}, { order: 'name' })).map(({ name }) => name)
    }
    expect(await names()).toEqual(['a0', 'a1', 'b0', 'b1', 'c0', 'c1'])
    await p.sql`update ${p.sql(items)} set secret = true where name = 'a0'`
    expect(await names()).toEqual(['a1', 'b0', 'b1', 'c0', 'c1'])
    await p.sql`update ${p.sql(items)} set list_id = ${others} where name = 'b0'`
    expect(await names()).toEqual(['a1', 'b1', 'c0', 'c1'])

    const [edited] = await rows.list({ name: 'c1' })
    await rows.update(edited!.id, { name: 'not mine any more' })
    await p.sql`delete from ${p.sql(members)} where list_id = ${lists[1]}`
    expect(await names()).toEqual(['c0'])
    expect(await sync.queue.list({ status: 'failed' })).toMatchObject([
      { id: edited!.id, data: { name: 'not mine any more' } },
    ])
    await p.sql`insert into ${p.sql(members)} values (${lists[1]}, ${p.user.id})`
    expect(await names()).toEqual(['a1', 'b1', 'c0', 'c1'])
  })
}
