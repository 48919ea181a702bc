import { expect, it } from 'vitest'
import { createUser, uniqueName } from '../../../../../dev/testing.ts'
import { uuid } from '../../../../src/util/uuid.ts'
import { device, rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'

export function trips(): void {
  const p = project()

  it('full work offline, hundreds of trips per user, shared trips', async () => {
    const [kind, trip, members, item] = ['kind', 'trip', 'members', 'item'].map(uniqueName)
    const mine = `trip_id in (select trip_id from public.${members} where user_id = (select auth.uid()))`
    await p.sql.unsafe(`
      create table public.${trip} (
        id uuid primary key, user_id uuid not null default auth.uid(), name text not null
      );
      create table public.${members} (trip_id uuid, user_id uuid, primary key (trip_id, user_id));
      create table public.${item} (
        id uuid primary key, trip_id uuid not null references public.${trip}, name text not null,
        packed boolean not null default false
      );
      create function public.${kind}_join() returns trigger
      language plpgsql security definer set search_path = '' as $$
      begin
        insert into public.${members} values (new.id, new.user_id);
        return new;
      end $$;
      create trigger owner_joins after insert on public.${trip}
        for each row execute function public.${kind}_join();
      alter table public.${trip} enable row level security;
      alter table public.${members} enable row level security;
      alter table public.${item} enable row level security;
      create policy "make" on public.${trip} for insert to authenticated
        with check (user_id = (select auth.uid()));
      create policy "see" on public.${trip} for select to authenticated
        using (id in (select trip_id from public.${members} where user_id = (select auth.uid())));
      create policy "see" on public.${members} for select to authenticated
        using (user_id = (select auth.uid()));
      create policy "share" on public.${item} to authenticated using (${mine}) with check (${mine});
      select tidemark.add_scope('${kind}', 'public.${members}', 'trip_id', 'user_id');
      select tidemark.add_table('public.${trip}', '${kind}:id');
      select tidemark.add_table('public.${item}', '${kind}:trip_id');`)

    let online = false
    const network = { online: () => online, watch: () => () => {} }
    const ada = await p.open({ network }, [trip!, item!])
    const tripIds = Array.from({ length: 300 }, () => uuid())
    await ada.sync.table(trip!).insertMany(tripIds.map((id, n) => ({ id, name: `trip ${n}` })))
    const items = ada.sync.table(item!)
    await items.insertMany(
      tripIds.flatMap((trip_id) =>
        ['boots', 'tent'].map((name) => ({ id: uuid(), trip_id, name, packed: false })),
      ),
    )
    const [boots] = await items.list({ trip_id: tripIds[7]!, name: 'boots' })
    await items.update(boots!.id as string, { packed: true })
    expect(await items.list({ packed: true })).toMatchObject([{ trip_id: tripIds[7] }])
    await expect(ada.sync.sync()).rejects.toMatchObject({ code: 'offline' })

    online = true
    expect(await ada.sync.sync()).toMatchObject({ pushed: 900, rejected: 0 })
    expect(await rowsInDatabase(p.sql, item!)).toHaveLength(600)

    const bob = await createUser()
    await p.sql.unsafe(
      `insert into public.${members} select unnest('{${tripIds.slice(0, 20).join()}}'::uuid[]), '${bob.id}'`,
    )
    const { sync } = await device(bob, [trip!, item!])
    await sync.sync()
    expect(await sync.table(trip!).list()).toHaveLength(20)
    expect(await sync.table(item!).list()).toHaveLength(40)
    await sync.table(item!).update(boots!.id as string, { name: "Bob's boots" })
    await sync.sync()
    await ada.sync.sync()
    expect(await items.get(boots!.id as string)).toMatchObject({ name: "Bob's boots" })
    await sync.close()
  })
}
