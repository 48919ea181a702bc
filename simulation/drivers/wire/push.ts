import type {
  PushAnswer,
  PushRequest,
  PushResult,
} from '../../../supabase/functions/_tidemark/wire.ts'
import { byKey, type Looked, type Rows } from '../../app/rows.ts'
import { know } from '../../app/setting.ts'
import type { Row, TableName } from '../../app/tables.ts'
import type { Connection } from '../../database/connection.ts'
import { as, asOwner, isBlocked, literal, words } from '../../database/sql.ts'
import { checkAnswer, type Edit } from '../../oracle/answer.ts'
import { Violation } from '../../oracle/violation.ts'
import type { SyncPlan } from '../device.ts'
import type { Fault } from '../faults.ts'
import type { WireDevice } from './device.ts'

/** What a push was answered, with the rows that it names: before it, and after it as they are and as its user sees them. */
interface Seen {
  before: Looked
  answer: PushAnswer
  scopes: string[]
  seen: Looked
  stored: Looked
}

/** Sends the first edits of a device's queue, and checks the answer. Returns what kept the server from carrying it out. */
export async function push(
  device: WireDevice,
  fault: Fault | undefined,
  { batch: size, slot }: Pick<SyncPlan, 'batch' | 'slot'>,
): Promise<string | undefined> {
  const { journal, server } = device.world
  const batch = device.state.queue.slice(0, size)
  if (batch.length === 0 || (fault === 'late' && server.slot(slot).open)) return undefined
  if (fault && fault !== 'answered twice') journal.count(`request ${fault}`)
  if (fault === 'dropped before') return undefined
  if (fault !== 'twice') return send(device, batch, fault, slot)
  const failed = await send(device, batch, 'dropped after', slot)
  return failed ?? send(device, batch, undefined, slot)
}

async function send(
  device: WireDevice,
  batch: readonly Edit[],
  fault: Fault | undefined,
  slot: number,
): Promise<string | undefined> {
  const { world, committed, state } = device
  const { journal, ledger, server, db } = world
  const { id } = state
  const before = committed.get(id) ?? 0
  const said = `${device.name} pushes ${batch.map(({ seq }) => `#${seq}`).join(' ')}${fault ? `, ${fault}` : ''}`
  let seen: Seen
  try {
    seen = await carryOut(device, batch, fault, slot)
  } catch (error) {
    if (isBlocked(error)) {
      journal.note(`${said}: blocked`, 'push blocked')
      return 'blocked'
    }
    if (device.isRevoked(error)) return undefined
    throw error
  }
  const { results } = seen.answer
  const aside = await setAside(device, fault === 'late' ? db.slots[slot]! : db.main, results)
  if (fault === 'undone') await db.main.run('rollback')
  journal.note(
    `${said}: ${results.map(({ seq, status, ...rest }) => `#${seq} ${status}${detail(rest)}`).join(', ')}`,
    ...results.map(({ status }) => `answered ${status}`),
  )
  const after = state.copy()
  const told = after.applyAnswer(batch, results)
  checkAnswer({
    held: state.serverRows(),
    after: after.serverRows(),
    batch,
    results,
    committed: before,
    before: byKey(seen.before),
    stored: byKey(seen.stored),
    seen: byKey(seen.seen),
    scopes: seen.scopes,
    aside,
  })
  const commit = (): void => {
    committed.set(id, Math.max(committed.get(id) ?? 0, batch.at(-1)!.seq))
    const request = { device_id: id, mutations: batch as PushRequest['mutations'] }
    ledger.take(device.name, request, seen.answer)
  }
  if (fault === 'late') {
    const open = server.slot(slot)
    open.open = true
    open.onCommit.push(commit)
  } else if (fault !== 'undone') commit()
  if (fault === undefined || fault === 'at once' || fault === 'answered twice') {
    state.applyAnswer(batch, results)
    device.told.push(...told)
  }
  return undefined
}

async function carryOut(
  device: WireDevice,
  batch: readonly Edit[],
  fault: Fault | undefined,
  slot: number,
): Promise<Seen> {
  const { world, user, state } = device
  const { db } = world
  const call = `select public.sync_push('${state.id}', ${literal(batch)}, ${literal({ client_time: device.now() })})`
  const look = `select simulation.look(${words([...new Set(batch.map(({ id }) => id))])})`
  const lookAfter = `select simulation.scopes(); ${look}; ${asOwner} ${look}`
  const whole = `${look}; ${as(user)} ${call}; ${lookAfter}`
  if (fault === 'at once') {
    const [before] = (await db.main.run(look)) as [Looked]
    const answer = await callTwice(world, `${as(user)} ${call}`)
    const [scopes, seen, stored] = (await db.main.run(`${as(user)} ${lookAfter}`)) as [
      string[],
      Looked,
      Looked,
    ]
    return { before, answer, scopes, seen, stored }
  }
  const connection = fault === 'late' ? db.slots[slot]! : db.main
  const staysOpen = fault === 'late' || fault === 'undone'
  try {
    const [before, answer, scopes, seen, stored] = (await connection.run(
      `${staysOpen ? 'begin; ' : ''}${whole}`,
    )) as [Looked, PushAnswer, string[], Looked, Looked]
    return { before, answer, scopes, seen, stored }
  } catch (error) {
    if (staysOpen) await connection.run('rollback')
    throw error
  }
}

/** Two equal calls at once: one of them does it. */
async function callTwice({ db, server }: WireDevice['world'], call: string): Promise<PushAnswer> {
  const patient = server.isOpen ? '' : `set local lock_timeout = '5s';`
  const calls = [db.main, db.twin].map((connection) => connection.run(`${patient} ${call}`))
  const settled = await Promise.allSettled(calls)
  const answers = settled.flatMap((one) =>
    one.status === 'fulfilled' ? (one.value as PushAnswer[]) : [],
  )
  if (answers.length === 0) throw (settled[0] as PromiseRejectedResult).reason
  const results = answers[0]!.results.map((first, n) => {
    const second = answers.at(-1)!.results[n]!
    const firsts = [first, second].filter(({ status }) => status !== 'duplicate')
    if (answers.length === 2 && firsts.length === 2)
      throw new Violation(`seq ${first.seq} was taken by both of two equal calls`)
    return firsts[0] ?? first
  })
  return { ...answers[0]!, results }
}

/** Copies and parked edits that the results name, by id. */
async function setAside(
  { world }: WireDevice,
  connection: Connection,
  results: readonly PushResult[],
): Promise<Rows> {
  const named = results as readonly { copy_id?: string; conflict_id?: string }[]
  const copies = named.flatMap(({ copy_id }) => copy_id ?? [])
  const conflicts = named.flatMap(({ conflict_id }) => conflict_id ?? [])
  if (copies.length + conflicts.length === 0) return new Map()
  const [copied, parked] = (await connection.run(
    `select simulation.look(${words(copies)});
     select coalesce(json_agg(json_build_object('id', conflict_id, 'row', coalesce(client, '{}'))), '[]')
     from tidemark.sync_conflicts where conflict_id = any (${words(conflicts)}::uuid[])`,
  )) as [Looked, { id: string; row: Row }[]]
  for (const { table, row } of copied) know(world.setting, table as TableName, String(row.id))
  return new Map([
    ...copied.map(({ row }) => [String(row.id), row] as const),
    ...parked.map(({ id, row }) => [id, row] as const),
  ])
}

function detail(rest: object): string {
  const { row, error, ...other } = rest as { row?: Row; error?: { code: string; message: string } }
  const said = Object.entries(other).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  if (error) said.push(`${error.code}: ${error.message}`)
  if (row) said.push(`row ${JSON.stringify(row)}`)
  return said.length > 0 ? ` (${said.join(', ')})` : ''
}
