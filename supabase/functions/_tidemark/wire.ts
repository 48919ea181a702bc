/**
 * The wire format, in one place: what `sync_push` and `sync_pull` and the functions `sync-push`,
 * `sync-pull` and `sync` take and give, as schemas and as the types inferred from them.
 *
 * A client imports the types only (`import type`) and takes plain values from `constants.ts`.
 *
 * Unknown keys are let through everywhere: a newer client may send an option that this server does
 * not know, and a newer server may answer with more than this client reads.
 *
 * Numbers: a `bigint` or `numeric` column outside what a double holds arrives as a JSON number that
 * `JSON.parse` rounds. Nothing between the database and the client parses and prints row content
 * again, so a client that needs such values asks for `exact` and gets them as strings.
 */
import { z } from 'zod'
import { CALL_CODES, FUNCTION_CODES, LIMITS, RESULT_CODES } from './constants.ts'

export * from './constants.ts'

/** A UUID of any version, as Postgres reads it. */
const uuid = z.guid()

/** An instant in RFC 3339 with an offset, e.g. `2026-03-01T12:00:00.000Z`. */
const instant = z.iso.datetime({ offset: true })

/** A row, or some of its columns, as PostgREST prints it: column name → JSON value. */
export const Row = z.record(z.string(), z.unknown())
export type Row = z.infer<typeof Row>

/** The largest `seq` and `base`: 15 digits, whole numbers in every language that reads JSON. */
const LARGEST = 999_999_999_999_999

/** Per device, from 1, strictly increasing, never reused; gaps are fine. */
export const Seq = z.int().positive().max(LARGEST)

const edit = {
  seq: Seq,
  /** Table name as registered with `tidemark.add_table`; `schema.table` outside `public`. */
  table: z.string().min(1),
  /** Primary key as text. A number stands for its digits; in TypeScript it is always text. */
  id: z.union([z.string(), z.number()]) as z.ZodType<string>,
  /** The row version the edit was made on; null or absent: this device created the row. */
  base: z.int().nonnegative().max(LARGEST).nullish(),
  /** The edited columns' values before the edit; lets sets and numbers merge. */
  old: Row.nullish(),
  /**
   * The device's clock at the edit. The server corrects it by `client_time` and caps it at its own now.
   * Absent: now. Without an offset it is UTC.
   */
  edited_at: z.iso.datetime({ offset: true, local: true }).nullish(),
}

/** The whole row, new or replacing. */
export const PutMutation = z.looseObject({ ...edit, op: z.literal('put'), data: Row })
/** Only the changed columns. */
export const PatchMutation = z.looseObject({ ...edit, op: z.literal('patch'), data: Row })
/** The row is to be deleted. It carries no `data`; what is there all the same is ignored. */
export const DeleteMutation = z.looseObject({
  ...edit,
  op: z.literal('delete'),
  data: (z.unknown() as z.ZodType<Row>).optional(),
})

/**
 * One local edit.
 *
 * This is what a client has to send. A mutation that does not fit comes back `rejected` with
 * `malformed`; it does not fail the call. Only what takes away the order of a batch does: see
 * {@link MutationEnvelope}.
 */
export const Mutation = z.discriminatedUnion('op', [PutMutation, PatchMutation, DeleteMutation])
export type Mutation = z.infer<typeof Mutation>

/** The part of a mutation without which a batch has no order; the rest is judged one by one. */
export const MutationEnvelope = z.looseObject({ seq: Seq })

/** A version of the wire format. */
export const Protocol = z.int().nonnegative().max(999_999_999)

/** Options that every call takes. */
const callOptions = {
  /** Wire version the client speaks; absent means 1. One the database does not speak: `upgrade_required`. */
  protocol: Protocol.nullish(),
  /** `bigint` and `numeric` columns (not `version`) come as strings. */
  exact: z.boolean().nullish(),
}

const pushOptions = {
  ...callOptions,
  /** Now on the device, RFC 3339: tells the server how far the device's clock is off. */
  client_time: instant.nullish(),
  /**
   * Results from this `seq` on have not reached the device yet: keep them for a repeat. Without it
   * that is the first `seq` of the batch. The functions send it with the later pieces of a split batch.
   */
  unheard_from: Seq.nullish(),
  /** What the pieces of a split batch have in common with the whole: the SHA-256 of its `mutations`, in hex. */
  batch: z.string().max(100).nullish(),
}

const pullOptions = {
  ...callOptions,
  /** Rows and removals in a page; default 1,000. More than 10,000 means 10,000. */
  limit: z.int().positive().nullish(),
  /** Only these tables; default: all that the caller can sync. */
  tables: z.array(z.string()).nullish(),
}

export const PushOptions = z.looseObject(pushOptions)
export type PushOptions = z.infer<typeof PushOptions>

export const PullOptions = z.looseObject(pullOptions)
export type PullOptions = z.infer<typeof PullOptions>

export const SyncOptions = z.looseObject({ ...pushOptions, ...pullOptions })
export type SyncOptions = z.infer<typeof SyncOptions>

/**
 * Where a device stands in the log, and whatever else the server wants back. Opaque: keep it with
 * the rows it came with, in one transaction, and send it unchanged.
 */
export const Cursor = z.record(z.string(), z.unknown())
export type Cursor = z.infer<typeof Cursor>

/** Body of `sync-push` and of `rpc/sync_push`. */
export const PushRequest = z.looseObject({
  device_id: uuid,
  mutations: z.array(Mutation).max(LIMITS.mutations),
  options: PushOptions.optional(),
})
export type PushRequest = z.infer<typeof PushRequest>

/** Body of `sync-pull` and of `rpc/sync_pull`. The first call sends no cursor, or null. */
export const PullRequest = z.looseObject({
  device_id: uuid,
  cursor: Cursor.nullish(),
  options: PullOptions.optional(),
})
export type PullRequest = z.infer<typeof PullRequest>

/** Body of `sync`: both of the above. */
export const SyncRequest = z.looseObject({
  device_id: uuid,
  mutations: z.array(Mutation).max(LIMITS.mutations),
  cursor: Cursor.nullish(),
  options: SyncOptions.optional(),
})
export type SyncRequest = z.infer<typeof SyncRequest>

/** Why one mutation was rejected. `message` is for people, `code` for programs. */
export const ResultError = z.looseObject({
  code: z.enum(RESULT_CODES),
  message: z.string(),
  hint: z.string().nullish(),
})
export type ResultError = z.infer<typeof ResultError>

const outcome = {
  /** The mutation this answers. */
  seq: Seq,
  /** The row's version now. */
  version: z.int().nonnegative().nullish(),
  /** The stored row, only where it differs from what the device now believes. */
  row: Row.nullish(),
  /** Columns of this mutation that a policy overruled. */
  lost: z.array(z.string()).nullish(),
}

const setAside = {
  /** Policy `keep_both`: id of the second row. */
  copy_id: z.string().nullish(),
  /** Policy `manual`: where it waits for `sync_resolve`. */
  conflict_id: uuid.nullish(),
}

/**
 * How one mutation ended.
 *
 * - `applied`: as sent.
 * - `merged`: together with somebody else's edit of the same row; `row` is the outcome.
 * - `conflict`: a policy kept it out of the row: parked (`conflict_id`), or kept as a second row (`copy_id`).
 * - `rejected`: not applied, and sending the same again will not help; `error` says why.
 * - `duplicate`: this `seq` was answered before; nothing changed now. What the device needs to know of
 *   the first answer is here again: an `error` means that it was rejected then. `row` is the row as it
 *   is by now; without one there is none for the caller.
 */
export const PushResult = z.discriminatedUnion('status', [
  z.looseObject({ ...outcome, status: z.literal('applied') }),
  z.looseObject({ ...outcome, ...setAside, status: z.enum(['merged', 'conflict']) }),
  z.looseObject({ ...outcome, status: z.literal('rejected'), error: ResultError }),
  z.looseObject({
    ...outcome,
    ...setAside,
    status: z.literal('duplicate'),
    error: ResultError.nullish(),
  }),
])
export type PushResult = z.infer<typeof PushResult>

const pushAnswer = {
  /** One per mutation, in the same order. */
  results: z.array(PushResult),
  /** The highest `seq` the server has answered for this device. */
  last_seq: z.int().nonnegative(),
  /**
   * There where this very batch was answered before: what it did then has this `seq` or a higher one. A
   * duplicate below it, or where this is absent, is of somebody else who goes by the same device id.
   */
  repeated_from: Seq.optional(),
}

/**
 * An error answer, in the shape that PostgREST gives to every error.
 *
 * For a refusal of ours `message` is the name to switch on, see {@link CallError}; any other error
 * of the gateway or the database passes through with its own SQLSTATE.
 */
export const PostgrestError = z.looseObject({
  code: z.string(),
  message: z.string(),
  details: z.string().nullish(),
  hint: z.string().nullish(),
})
export type PostgrestError = z.infer<typeof PostgrestError>

/** An error after a part of the call was committed, with the HTTP status it would have had by itself. */
export const LateError = z.looseObject({ ...PostgrestError.shape, status: z.int() })
export type LateError = z.infer<typeof LateError>

/** Answer of `sync-push` and of `rpc/sync_push`. */
export const PushAnswer = z.looseObject({
  ...pushAnswer,
  server_time: z.string(),
  /**
   * Only from a function: it pushed the batch in pieces, because as a whole it outlasted the statement
   * timeout, and a later piece failed. `results` then ends with the last mutation that was answered;
   * the ones after it are as if never sent.
   */
  push_error: LateError.optional(),
})
export type PushAnswer = z.infer<typeof PushAnswer>

/** What is new in one table of one scope. */
export const Change = z.looseObject({
  /** `user:<uid>`, `<kind>:<key>` or `public`. */
  scope: z.string(),
  table: z.string(),
  /** Rows as they are now; put each in place of what the device holds. */
  upsert: z.array(Row),
  /** Ids to drop, where the device holds the row under this scope. */
  remove: z.array(z.string()),
})
export type Change = z.infer<typeof Change>

/** Rows delivered and rows expected, during a first download. */
export const Progress = z.looseObject({ done: z.int().nonnegative(), total: z.int().nonnegative() })
export type Progress = z.infer<typeof Progress>

const pullAnswer = {
  /** Parents come before children. Applying a page twice changes nothing. */
  changes: z.array(Change),
  /** Scopes the caller has come into. */
  joined: z.array(z.string()),
  /** Scopes the caller has lost: drop every row held for them. */
  left: z.array(z.string()),
  /** Null only with `reset`: start afresh. */
  cursor: Cursor.nullable(),
  /** Call again at once with this cursor. */
  more: z.boolean(),
  /** The device must drop its rows (not its queue) and start afresh, with this cursor. */
  reset: z.boolean().nullish(),
  progress: Progress.nullish(),
  /** The database's clock, RFC 3339. */
  server_time: z.string(),
}

/** Answer of `sync-pull` and of `rpc/sync_pull`. */
export const PullAnswer = z.looseObject(pullAnswer)
export type PullAnswer = z.infer<typeof PullAnswer>

const refusal = <Name extends string, Status extends number>(name: Name, status: Status) =>
  z.looseObject({
    code: z.literal(`PT${status}` as const),
    message: z.literal(name),
    /** `malformed`: the path of what is wrong. `batch_too_large`: the limits, as JSON. */
    details: z.string().nullish(),
    hint: z.string().nullish(),
  })

/** A refused call, discriminated by `message`. Nothing of it was applied, except as {@link SyncAnswer} says. */
export const CallError = z.discriminatedUnion('message', [
  refusal('not_signed_in', CALL_CODES.not_signed_in),
  refusal('device_revoked', CALL_CODES.device_revoked),
  refusal('device_of_another_user', CALL_CODES.device_of_another_user),
  refusal('malformed', CALL_CODES.malformed),
  refusal('batch_too_large', CALL_CODES.batch_too_large),
  refusal('upgrade_required', CALL_CODES.upgrade_required),
  refusal('method_not_allowed', FUNCTION_CODES.method_not_allowed),
  refusal('unsupported_media_type', FUNCTION_CODES.unsupported_media_type),
  refusal('internal', FUNCTION_CODES.internal),
  refusal('unavailable', FUNCTION_CODES.unavailable),
])
export type CallError = z.infer<typeof CallError>

/** Body of any answer that is not 2xx. */
export const WireError = z.union([CallError, PostgrestError])
export type WireError = z.infer<typeof WireError>

/**
 * Answer of `sync`, which pushes and, once that is committed, pulls.
 *
 * A push that fails as a whole is the answer (a {@link WireError}), and nothing is pulled. A pull
 * that fails after its push does not take the results away: the status is 200, the push half is
 * there, and `pull_error` stands in place of the pull half. After a push that got only so far
 * (`push_error`) nothing is pulled. Tell them apart by `'cursor' in answer`.
 */
export const SyncAnswer = z.union([
  z.looseObject({ ...pushAnswer, ...pullAnswer }),
  z.looseObject({ ...pushAnswer, server_time: z.string(), pull_error: LateError }),
  z.looseObject({ ...pushAnswer, server_time: z.string(), push_error: LateError }),
])
export type SyncAnswer = z.infer<typeof SyncAnswer>
