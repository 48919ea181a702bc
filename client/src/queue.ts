import { type Clock, timestamp } from './clock.ts'
import { ValidationError } from './errors.ts'
import type { ResultError } from '../../supabase/functions/_tidemark/wire.ts'
import { omit } from './omit.ts'
import { apply, baseOf, editable, same, stack, seen } from './row.ts'
import type { Row } from './row.ts'
import type { DeviceRecord, FailedEdit, QueuedEdit, RowRecord, Transaction } from './storage.ts'
import { deviceOf } from './store.ts'
import type { Draft, Store } from './store.ts'

/** An edit as the app asks for it. */
export interface Edit {
  table: string
  op: QueuedEdit['op']
  id: string
  /** The row (`put`) or the columns to change (`patch`). */
  data?: Row
  /** The row to put where the one to change is not there (`patch`). */
  orPut?: Row
  /** Columns that stay on this device. */
  local?: Row
  /** How urgent it is: lower goes out first. Absent means 0. */
  rank?: number
}

/**
 * An edit in the queue, as the app is told of it. Until it is sent its `seq` may change, where more urgent
 * edits are put before it.
 */
export interface QueueItem extends Omit<QueuedEdit, 'size'> {
  /** `pending`: not sent yet. `sent`: on its way, or its answer got lost. `failed`: refused, kept with its reason. */
  status: 'pending' | 'sent' | 'failed'
  attempts: number
  /** RFC 3339; when it was last sent. */
  lastAttempt?: string
  /** Why it was refused, or why its last attempt got no answer. */
  error?: Omit<ResultError, 'code'> & { code: string }
}

export interface QueueStats {
  pending: number
  sent: number
  failed: number
  /** Edits confirmed since `clearCompleted`. They leave the queue at once; only their number is kept. */
  completed: number
}

/** The edits of this device that the server has not taken. */
export interface Queue {
  stats(): Promise<QueueStats>
  /** In the order in which they will be sent, but for more urgent ones; failed ones first. */
  list(filter?: { status?: QueueItem['status']; table?: string }): Promise<QueueItem[]>
  /** Puts refused edits back, all or those named by `seq`, as new edits at the end. Resolves to how many. */
  retryFailed(seqs?: readonly number[]): Promise<number>
  /**
   * Changes columns of a refused edit, which stays where it is until it is retried. Throws a
   * `ValidationError`: `not_found` where no refused edit has this `seq`, `invalid_value` for a removal.
   */
  editFailed(seq: number, data: Row): Promise<void>
  /** Throws refused edits away, all or those named by `seq`. Resolves to how many. */
  clearFailed(seqs?: readonly number[]): Promise<number>
  /**
   * Forgets that edits were confirmed, all or those `olderThan` so many milliseconds. Resolves to how many;
   * confirmed edits themselves leave the queue at once.
   */
  clearCompleted(olderThan?: number): Promise<number>
  /**
   * Throws away every edit, sent or not, refused or not, and shows the rows as the server has them. An
   * edit that the server already has comes back with the next pull. Resolves to how many were dropped.
   */
  clear(): Promise<number>
}

/** Characters of an edit's content as JSON. */
export const sizeOf = ({ data, old }: Pick<QueuedEdit, 'data' | 'old'>): number =>
  (data ? JSON.stringify(data).length : 0) + (old ? JSON.stringify(old).length : 0)

type Content = Pick<QueuedEdit, 'op' | 'data' | 'old'>

/** What an edit changes in a row as it stands; of a patch only the columns that say something new. */
function contentOf(op: Edit['op'], data: Row = {}, row: Row | null): Content | undefined {
  if (op === 'put') return { op, data }
  if (op === 'delete') return row ? { op } : undefined
  const columns = Object.keys(data).filter((column) => !same(row?.[column] ?? null, data[column]))
  if (columns.length === 0) return undefined
  return {
    op,
    data: Object.fromEntries(columns.map((column) => [column, data[column]])),
    old: Object.fromEntries(columns.map((column) => [column, row?.[column] ?? null])),
  }
}

/**
 * Two edits of a row as one. The first has not been sent; it keeps its place, its base and what its
 * columns were before. Null where the row was made and removed again without the server hearing of it.
 */
export function squash(first: QueuedEdit, then: Content, record: RowRecord): QueuedEdit | null {
  const { seq, table, id, base, edited_at, rank } = first
  const common = { seq, table, id, base, edited_at, size: 0, ...(rank !== undefined && { rank }) }
  if (then.op === 'delete') {
    const unknown = first.op === 'put' && record.edits === 1 && !record.base && base === null
    return unknown ? null : { ...common, op: 'delete', base: base ?? record.version }
  }
  if (then.op === 'put') return { ...common, op: 'put', ...(then.data && { data: then.data }) }
  const data = { ...first.data, ...then.data }
  if (first.op === 'put') return { ...common, op: 'put', data }
  return { ...common, op: 'patch', data, old: { ...then.old, ...first.old } }
}

/**
 * The one way an edit of the app gets in: changes the rows and puts the edits into the queue, in the
 * caller's transaction. Resolves to the rows as they now are, null for a removed one. An insert of a row
 * that is there throws `exists`, an update of one that is not throws `not_found`; removing what is not
 * there does nothing.
 */
export async function enqueue(
  { tx, put, drop }: Draft,
  edits: readonly Edit[],
  clock: Clock,
): Promise<(Row | null)[]> {
  const device = await deviceOf(tx)
  const keys = edits.map(({ table, id }) => [table, id] as const)
  const held = await tx.getMany('rows', keys)
  const edited_at = timestamp(clock)
  const inserted = new Set<string>()
  const records: RowRecord[] = []
  const queued: QueuedEdit[] = []
  const results: (Row | null)[] = []
  let { seq } = device

  for (const [place, { table, id, rank = 0, orPut, local, ...asked }] of edits.entries()) {
    const found = held[place] ?? { table, id, row: null, version: null }
    const record = local ? { ...found, local: { ...found.local, ...local } } : found
    const create = asked.op === 'patch' && !record.row && orPut !== undefined
    const { op, data } = create ? { op: 'put' as const, data: orPut } : asked
    if (op === 'put' && (record.row || inserted.has(`${table}\n${id}`)))
      throw new ValidationError({ code: 'exists', message: `${table} has a row ${id} already.` })
    if (op === 'patch' && !record.row)
      throw new ValidationError({ code: 'not_found', message: `${table} has no row ${id}.` })

    const content = contentOf(op, data, record.row)
    if (!content) {
      if (local) records.push(record)
      results.push(seen(record))
      continue
    }
    const before = record.edits ? await tx.scan('queue', { index: 'row', equals: [table, id] }) : []
    const last = before.at(-1)
    const fresh = !last || last.seq <= device.sent
    const edit = fresh
      ? { ...content, seq: ++seq, table, id, base: record.version, edited_at, size: 0 }
      : squash(last, content, record)
    if (edit === null) {
      await tx.deleteMany('queue', [last!.seq])
      await drop([record])
      results.push(null)
      continue
    }
    // A row that comes back before its removal was sent never left: it keeps the columns not given.
    const row =
      op === 'put' && !fresh
        ? [...before.slice(0, -1), edit].reduce(apply, baseOf(record))
        : apply(record.row, content)
    records.push({
      ...record,
      row,
      base: baseOf(record),
      edits: before.length + (fresh ? 1 : 0),
    })
    const urgency = Math.min(rank, edit.rank ?? rank)
    queued.push({ ...edit, edited_at, size: sizeOf(edit), ...(urgency !== 0 && { rank: urgency }) })
    if (op === 'put') inserted.add(`${table}\n${id}`)
    results.push(seen({ ...record, row }))
  }

  await put(records)
  await tx.putMany('queue', queued)
  await admit(tx, device, seq, queued)
  return results
}

/** Notes the last number given out, and whether the edits just queued are to go before earlier ones. */
async function admit(
  tx: Transaction,
  device: DeviceRecord,
  seq: number,
  queued: readonly QueuedEdit[],
): Promise<void> {
  let { least = 0, unordered = false } = device
  for (const { rank = 0 } of queued) {
    unordered ||= rank < least
    least = Math.max(least, rank)
  }
  const next: DeviceRecord = {
    ...device,
    seq,
    ...(least !== 0 && { least }),
    ...(unordered && { unordered }),
  }
  if (!same(next, device)) await tx.putMany('meta', [next])
}

/** The queue as the app sees it. */
export function createQueue(store: Store, clock: Clock): Queue {
  const chosen = (failed: FailedEdit[], seqs?: readonly number[]): FailedEdit[] =>
    seqs ? failed.filter(({ seq }) => seqs.includes(seq)) : failed

  return {
    stats: () =>
      store.read(async (tx) => {
        const { sent, completed } = await deviceOf(tx)
        const queued = await tx.scan('queue')
        const pending = queued.filter(({ seq }) => seq > sent).length
        return {
          pending,
          sent: queued.length - pending,
          failed: await tx.count('failed'),
          completed,
        }
      }),

    list: ({ status, table } = {}) =>
      store.read(async (tx) => {
        const { sent, flight } = await deviceOf(tx)
        const failed = (await tx.scan('failed')).map((edit): QueueItem => ({
          ...omit(edit, 'size', 'failed_at'),
          status: 'failed',
          lastAttempt: edit.failed_at,
        }))
        const queued = (await tx.scan('queue')).map((edit): QueueItem => ({
          ...omit(edit, 'size'),
          status: edit.seq <= sent ? 'sent' : 'pending',
          attempts: 0,
          ...(flight &&
            edit.seq <= flight.to && {
              attempts: flight.attempts,
              lastAttempt: flight.at,
              ...(flight.error && { error: flight.error }),
            }),
        }))
        return [...failed, ...queued].filter(
          (item) => (!status || item.status === status) && (!table || item.table === table),
        )
      }),

    retryFailed: (seqs) =>
      store.write('local', async ({ tx, put }) => {
        const device = await deviceOf(tx)
        const failed = chosen(await tx.scan('failed'), seqs)
        const queued: QueuedEdit[] = []
        let { seq } = device
        for (const edit of failed) {
          const { table, id } = edit
          const again = { ...omit(edit, 'error', 'attempts', 'failed_at'), seq: ++seq }
          queued.push(again)
          await tx.putMany('queue', [again])
          const record = (await tx.get('rows', [table, id])) ?? {
            table,
            id,
            row: null,
            version: null,
          }
          const edits = await tx.scan('queue', { index: 'row', equals: [table, id] })
          await put([stack(record, baseOf(record), edits)!])
        }
        await tx.deleteMany(
          'failed',
          failed.map((edit) => edit.seq),
        )
        await admit(tx, device, seq, queued)
        return failed.length
      }),

    editFailed: (seq, data) =>
      store.write('local', async ({ tx }) => {
        const edit = await tx.get('failed', seq)
        if (!edit)
          throw new ValidationError({ code: 'not_found', message: `No refused edit ${seq}.` })
        if (edit.op === 'delete')
          throw new ValidationError({ code: 'invalid_value', message: 'A removal has no columns.' })
        const next = { ...edit, data: { ...edit.data, ...editable(data) } }
        await tx.putMany('failed', [{ ...next, size: sizeOf(next) }])
      }),

    clearFailed: (seqs) =>
      store.write('local', async ({ tx }) => {
        const failed = chosen(await tx.scan('failed'), seqs)
        await tx.deleteMany(
          'failed',
          failed.map(({ seq }) => seq),
        )
        return failed.length
      }),

    clearCompleted: (olderThan) =>
      store.write('local', async ({ tx }) => {
        const device = await deviceOf(tx)
        const rest = (device.completions ?? []).filter(
          ([at]) => olderThan !== undefined && at > clock.now() - olderThan,
        )
        const completed = rest.reduce((sum, [, count]) => sum + count, 0)
        await tx.putMany('meta', [{ ...device, completed, completions: rest }])
        return device.completed - completed
      }),

    clear: () =>
      store.write('local', async ({ tx, put, drop }) => {
        const queued = await tx.scan('queue')
        const failed = await tx.scan('failed')
        const held = await tx.getMany(
          'rows',
          queued.map(({ table, id }) => [table, id] as const),
        )
        const records = held.filter((record) => record !== undefined)
        const restored = records.map((record) => stack(record, baseOf(record), []))
        await drop(records.filter((_, place) => !restored[place]))
        await put(restored.filter((record) => record !== undefined))
        await tx.putMany('meta', [omit(await deviceOf(tx), 'flight')])
        await tx.deleteMany(
          'queue',
          queued.map(({ seq }) => seq),
        )
        await tx.deleteMany(
          'failed',
          failed.map(({ seq }) => seq),
        )
        return queued.length + failed.length
      }),
  }
}
