import { expect, it } from 'vitest'
import { makeTable, rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'

const row = 'batching by kind, deduplication of repeated changes to one entity'

export function batching(): void {
  const p = project()

  it(`${row}: edits of several kinds and tables in one request, one statement each`, async () => {
    const second = await makeTable(p.sql)
    const { sync, rows, faults } = await p.open({}, [p.table, second])
    const held = await rows.insertMany(Array.from({ length: 60 }, (_, n) => ({ n })))
    await sync.sync()
    const before = faults.bodies.length
    await p.sql.unsafe(`
      create table public.statements_${second} (op text);
      grant insert on public.statements_${second} to authenticated;
      create function public.note_${second}() returns trigger language plpgsql as $$
      begin
        insert into public.statements_${second} values (tg_table_name || ' ' || tg_op);
        return null;
      end $$;
      create trigger note after insert or update on public.${p.table}
        for each statement execute function public.note_${second}();
      create trigger note after insert or update on public.${second}
        for each statement execute function public.note_${second}();`)
    for (const { id } of held) await rows.update(id, { name: 'changed' })
    await rows.insertMany(Array.from({ length: 60 }, (_, n) => ({ n: 100 + n })))
    await sync.table(second).insertMany(Array.from({ length: 60 }, (_, n) => ({ n })))
    expect(await sync.sync()).toMatchObject({ pushed: 180, rejected: 0 })
    const requests = faults.bodies.slice(before)
    expect(requests.map(({ mutations }) => (mutations as object[]).length)).toEqual([180])
    const noted = await p.sql.unsafe(`select op from public.statements_${second} order by op`)
    expect(noted.map(({ op }) => op as string).toSorted()).toEqual(
      [`${p.table} INSERT`, `${p.table} UPDATE`, `${second} INSERT`].toSorted(),
    )
  })

  it(`${row}: many changes of a row go out as one`, async () => {
    const { sync, rows, faults } = await p.open()
    const { id } = await rows.insert({ name: 'a' })
    for (let n = 1; n <= 20; n++) await rows.update(id, { n })
    const gone = await rows.insert({ name: 'never sent' })
    await rows.remove(gone.id)
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    const sent = faults.bodies.flatMap(({ mutations = [] }) => mutations as { data: object }[])
    expect(sent).toMatchObject([{ op: 'put', id, data: { name: 'a', n: 20 } }])
    const stored = (await rowsInDatabase(p.sql, p.table)).find((row) => row.id === id)
    expect(stored).toMatchObject({ name: 'a', n: 20, version: 1 })
  })
}
