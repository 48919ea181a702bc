import fc from 'fast-check'
import { changedColumns, insertedRow } from '../app/content.ts'
import { keyOf } from '../app/rows.ts'
import { know, newId, nextMark, type Setting } from '../app/setting.ts'
import { type Row, type TableName, tables } from '../app/tables.ts'
import type { DriverName } from '../drivers/cast.ts'
import type { Device, Write } from '../drivers/device.ts'
import type { Driver } from '../drivers/driver.ts'
import type { Made } from '../oracle/edits.ts'
import { markOf } from '../oracle/ledger.ts'
import { action } from './action.ts'
import { device, row, table, value } from './arbitraries.ts'

/** What an app does to a row. Numbers choose among what its device shows. */
export interface AppEdit {
  kind: Made['kind']
  table: TableName
  row: number
  /** The columns of an update. */
  columns: number[]
  value: number
  withOld: boolean
  /** An insert uses a key that there was before. */
  taken: boolean
}

export const appEdit = (driver: DriverName): fc.Arbitrary<AppEdit> =>
  fc.record({
    kind: fc.constantFrom<Made['kind']>(
      'insert',
      'insert',
      'update',
      'update',
      'update',
      'update',
      'remove',
      'bad',
    ),
    table,
    row,
    columns: fc.array(fc.nat(6), { minLength: 1, maxLength: 3 }),
    value,
    withOld: fc.boolean(),
    taken: driver === 'wire' ? fc.boolean() : fc.constant(false),
  })

export const edit = action<{ device: number; edits: AppEdit[] }>({
  weights: { wire: 20, client: 26 },
  happenings: () => ['app insert', 'app update', 'app remove', 'app edit that is refused'],
  of: (driver) =>
    fc.record({
      device: device(driver),
      edits: fc.array(appEdit(driver), { minLength: 1, maxLength: 3 }),
    }),
  async play(driver, op) {
    for (const one of op.edits) await makeEdit(driver, driver.devices[op.device]!, one)
  },
})

export interface Making {
  /** The process that makes the edit, where it is not the device's own. */
  write?: (write: Write) => Promise<void>
  /** Called before it is stored. */
  onAsked?: (made: Made) => void
}

/** Makes an edit, where there is a row for it. */
export async function makeEdit(
  { world }: Driver,
  device: Device,
  edit: AppEdit,
  { write = (one) => device.write(one), onAsked }: Making = {},
): Promise<void> {
  const { setting, journal, made } = world
  const planned = await plan(device, edit, setting)
  if (!planned) return
  const { kind, ...request } = planned
  const { table, id, op, data } = request
  const endsInsert = op === 'remove' && (await device.endsInsert(table, id))
  const mark = endsInsert
    ? undefined
    : markOf(device.name, { table, id, op: op === 'remove' ? 'delete' : 'patch', data })
  const asked: Made = { device: device.name, kind, table, id, mark, told: device.told.length }
  onAsked?.(asked)
  await write(request)
  made.push(asked)
  journal.note(
    `${device.name}: ${kind} ${keyOf(table, id)} ${mark ?? ''}`,
    kind === 'bad' ? 'app edit that is refused' : `app ${kind}`,
  )
}

async function plan(
  device: Device,
  edit: AppEdit,
  setting: Setting,
): Promise<(Write & { kind: Made['kind'] }) | undefined> {
  const { kind, table, value, columns, withOld } = edit
  const shown = await shownInOrder(device, table, setting)
  if (kind === 'insert') {
    const known = setting.ids[table]
    const taken = edit.taken ? known[edit.row % (known.length || 1)] : undefined
    const isFree = taken !== undefined && !shown.some((row) => String(row.id) === taken)
    const id = isFree ? taken : newId(setting, table)
    know(setting, table, id)
    const data = insertedRow(table, id, value, device.user, setting)
    return { kind, op: 'insert', table, id, data, withOld }
  }
  const target = shown[edit.row % (shown.length || 1)]
  if (!target) return undefined
  const id = String(target.id)
  if (kind === 'remove') return { kind, op: 'remove', table, id, withOld }
  const { refused } = tables[table]
  if (kind === 'bad' && refused) {
    const data = refused(nextMark(setting, 'e'))
    return { kind, op: 'update', table, id, data, withOld }
  }
  const data = changedColumns(table, columns, value, target, setting)
  return { kind: 'update', op: 'update', table, id, data, withOld }
}

/** The rows that a device shows of a table, oldest first. */
export async function shownInOrder(
  device: Device,
  table: TableName,
  setting: Setting,
): Promise<Row[]> {
  const order = new Map(setting.ids[table].map((id, n) => [id, n]))
  const place = (row: Row): number => order.get(String(row.id)) ?? 1e9
  return (await device.shown(table)).toSorted((a, b) => place(a) - place(b))
}
