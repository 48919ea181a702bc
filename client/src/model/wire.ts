/** What goes over the wire, as the functions check it: the one place where its shapes are defined. */
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
