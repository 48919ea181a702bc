import { writeFileSync } from 'node:fs'
import { z } from 'zod'
import { omit } from '../client/src/util/omit.ts'
import * as wire from '../supabase/functions/_tidemark/wire.ts'

/** The schemas that get a name in the document. What they share is written once and referred to. */
const named = {
  Row: wire.Row,
  Mutation: wire.Mutation,
  PushRequest: wire.PushRequest,
  PushResult: wire.PushResult,
  PushAnswer: wire.PushAnswer,
  Cursor: wire.Cursor,
  PullRequest: wire.PullRequest,
  Change: wire.Change,
  PullAnswer: wire.PullAnswer,
  SyncRequest: wire.SyncRequest,
  SyncAnswer: wire.SyncAnswer,
  CallError: wire.CallError,
  PostgrestError: wire.PostgrestError,
  WireError: wire.WireError,
} as const
type Name = keyof typeof named

const FUNCTIONS: { name: string; summary: string; request: Name; answer: Name }[] = [
  {
    name: 'sync-push',
    summary: 'Sends edits. The same edit sent again changes nothing.',
    request: 'PushRequest',
    answer: 'PushAnswer',
  },
  {
    name: 'sync-pull',
    summary: 'Fetches what is new since the cursor.',
    request: 'PullRequest',
    answer: 'PullAnswer',
  },
  {
    name: 'sync',
    summary: 'Sends edits, then fetches what is new, in one round trip.',
    request: 'SyncRequest',
    answer: 'SyncAnswer',
  },
]

const ref = (name: Name): { $ref: string } => ({ $ref: `#/components/schemas/${name}` })
const json = (name: Name): object => ({ 'application/json': { schema: ref(name) } })

function schemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, {
    target: 'draft-2020-12',
    uri: (id) => `#/components/schemas/${id}`,
  })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, omit(schema, '$schema', '$id')]),
  )
}

/** The statuses of refused calls, each with the codes that come with it. */
function refusals(): Record<string, unknown> {
  const codes = Object.entries({ ...wire.CALL_CODES, ...wire.FUNCTION_CODES })
  const statuses = [...new Set(codes.map(([, status]) => status))].sort()
  const responses = statuses.map((status) => [
    String(status),
    {
      description: codes
        .filter(([, its]) => its === status)
        .map(([code]) => code)
        .join(', '),
      content: json('WireError'),
    },
  ])
  return {
    ...Object.fromEntries(responses),
    default: {
      description: 'An error of the database or the gateway.',
      content: json('PostgrestError'),
    },
  }
}

/** The functions and their wire format as OpenAPI 3.1. */
export function openapi(): Record<string, unknown> {
  const paths = FUNCTIONS.map(({ name, summary, request, answer }) => [
    `/functions/v1/${name}`,
    {
      post: {
        operationId: name,
        summary,
        requestBody: { required: true, content: json(request) },
        responses: { '200': { description: 'Done.', content: json(answer) }, ...refusals() },
      },
    },
  ])
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tidemark',
      version: String(wire.PROTOCOL_VERSION),
      description:
        'The edge functions. rpc/sync_push and rpc/sync_pull of the REST API take and give the same bodies.',
    },
    servers: [{ url: 'http://127.0.0.1:54321' }],
    security: [{ apikey: [], user: [] }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        apikey: {
          type: 'apiKey',
          in: 'header',
          name: 'apikey',
          description: "The project's publishable key.",
        },
        user: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: "The signed-in user's token.",
        },
      },
      schemas: schemas(),
    },
  }
}

if (import.meta.main)
  writeFileSync(new URL('openapi.json', import.meta.url), `${JSON.stringify(openapi(), null, 2)}\n`)
