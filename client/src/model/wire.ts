/** The requests and answers of the wire protocol, defined once, by the edge functions that validate them. */
export type {
  Change,
  Cursor,
  Mutation,
  PullAnswer,
  PullRequest,
  PushAnswer,
  PushRequest,
  PushResult,
  ResultError,
  SyncAnswer,
  SyncRequest,
} from '../../../supabase/functions/_tidemark/wire.ts'
export { PROTOCOL_VERSION } from '../../../supabase/functions/_tidemark/constants.ts'
