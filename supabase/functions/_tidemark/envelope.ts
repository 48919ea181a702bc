import { z } from 'zod'
import { PROTOCOL_VERSION } from './constants.ts'
import { memberTexts } from './json.ts'
import { batchTooLarge, malformed, upgradeRequired } from './refusal.ts'
import { faultOf, storable } from './storable.ts'
import {
  Cursor,
  LIMITS,
  MutationEnvelope,
  Protocol,
  PullOptions,
  PushOptions,
  SyncOptions,
} from './wire.ts'

/**
 * What the door looks at before the database is called. Only what cannot be an ordered batch, or
 * cannot be a call at all, is refused as a whole; a mutation's content is the database's to judge,
 * so that one bad edit comes back `rejected` and the others go through.
 */
const deviceId = z.guid()
const mutations = z.array(MutationEnvelope)

const Spoken = z.object({ options: z.object({ protocol: Protocol }) })

const PushEnvelope = z.looseObject({
  device_id: deviceId,
  mutations,
  options: PushOptions.nullish(),
})
const PullEnvelope = z.looseObject({
  device_id: deviceId,
  cursor: Cursor.nullish(),
  options: PullOptions.nullish(),
})
const SyncEnvelope = z.looseObject({
  ...PushEnvelope.shape,
  ...PullEnvelope.shape,
  options: SyncOptions.nullish(),
})

/** The text of each part of a request body, cut out of it unparsed. */
export interface Envelope {
  device_id: string
  mutations: string
  cursor: string | undefined
  options: string | undefined
}

export interface PushEnvelope extends Omit<Envelope, 'cursor'> {
  /** How many mutations there are. */
  count: number
  /** The `seq` of the first; 0 when there is none. */
  firstSeq: number
  /** Now on the device, as it says. */
  clientTime: string | undefined
}

export interface PullEnvelope extends Omit<Envelope, 'mutations'> {
  limit: number
}

/** @throws {Refusal} `malformed`, `batch_too_large` */
export function openPush(text: string): PushEnvelope {
  const body = parse(text)
  checkCount(body)
  return pushPart(check(PushEnvelope, body), memberTexts(text))
}

/** @throws {Refusal} `malformed` */
export function openPull(text: string): PullEnvelope {
  return pullPart(check(PullEnvelope, parse(text)), memberTexts(text))
}

/** @throws {Refusal} `malformed`, `batch_too_large` */
export function openSync(text: string): { push: PushEnvelope; pull: PullEnvelope } {
  const body = parse(text)
  checkCount(body)
  const checked = check(SyncEnvelope, body)
  const members = memberTexts(text)
  return { push: pushPart(checked, members), pull: pullPart(checked, members) }
}

function pushPart(body: z.infer<typeof PushEnvelope>, members: Map<string, string>): PushEnvelope {
  checkOrder(body.mutations)
  checkStorable('options', body.options, members)
  return {
    device_id: members.get('device_id')!,
    mutations: storable(members.get('mutations')!, body.mutations),
    options: given(members.get('options')),
    count: body.mutations.length,
    firstSeq: body.mutations[0]?.seq ?? 0,
    clientTime: body.options?.client_time ?? undefined,
  }
}

function pullPart(body: z.infer<typeof PullEnvelope>, members: Map<string, string>): PullEnvelope {
  checkStorable('cursor', body.cursor, members)
  checkStorable('options', body.options, members)
  return {
    device_id: members.get('device_id')!,
    cursor: given(members.get('cursor')),
    options: given(members.get('options')),
    limit: body.options?.limit ?? LIMITS.pageDefault,
  }
}

/** `null` where nothing is meant is left out, so that the database's default holds. */
function given(text: string | undefined): string | undefined {
  return text === 'null' ? undefined : text
}

function parse(text: string): object {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    // The engine's message quotes the text around the fault: only the place is passed on.
    const place = /position \d+/.exec(String(error))?.[0]
    throw malformed('body', place ? `is not JSON, at ${place}` : 'is not JSON')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw malformed('body', 'is not an object')
  return body
}

/** Before anything is checked one by one: a million mutations are not worth looking at. */
function checkCount(body: object): void {
  if (
    'mutations' in body &&
    Array.isArray(body.mutations) &&
    body.mutations.length > LIMITS.mutations
  ) {
    throw batchTooLarge()
  }
}

function check<T>(schema: z.ZodType<T>, body: object): T {
  const checked = schema.safeParse(body)
  if (checked.success) return checked.data
  // What these schemas say is said of one protocol only.
  const spoken = Spoken.safeParse(body).data?.options.protocol
  if (spoken !== undefined && spoken !== PROTOCOL_VERSION) throw upgradeRequired(spoken)
  const issue = checked.error.issues[0]!
  throw malformed(pathText(issue.path), issue.message)
}

function checkOrder(mutations: { seq: number }[]): void {
  for (const [i, { seq }] of mutations.entries()) {
    const before = mutations[i - 1]?.seq
    if (before !== undefined && seq <= before) {
      throw malformed(
        `mutations[${i}].seq`,
        `${seq} does not come after ${before}`,
        'Sequence numbers rise strictly within a batch and from batch to batch.',
      )
    }
  }
}

/** One such character fails the whole call in the database, with a code that does not say where. */
function checkStorable(at: string, value: unknown, members: Map<string, string>): void {
  const fault = faultOf(members.get(at) ?? '', value)
  if (fault !== undefined) throw malformed(at, fault)
}

/** `['mutations', 3, 'seq']` → `mutations[3].seq` */
function pathText(path: PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key),
    '',
  )
}
