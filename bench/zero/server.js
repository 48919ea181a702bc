import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { mustGetMutator, mustGetQuery } from '@rocicorp/zero'
import { handleMutateRequest, handleQueryRequest } from '@rocicorp/zero/server'
import { zeroPostgresJS } from '@rocicorp/zero/server/adapters/postgresjs'
import postgres from 'postgres'
import { describeNotes } from './notes.js'
import * as contacts from './schema.js'

/** The app server that zero-cache sends mutations and queries to: a process of its own, as it would be. */
const { PORT, DATABASE, JWT_SECRET, NOTES } = process.env
const { schema, queries, mutators } = NOTES ? describeNotes(JSON.parse(NOTES)) : contacts
const dbProvider = zeroPostgresJS(schema, postgres(DATABASE, { max: 10, onnotice: () => {} }))

createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const userID = userOf(request.headers.authorization)
  response.setHeader('content-type', 'application/json')
  if (!userID) {
    response.writeHead(401).end(JSON.stringify({ error: 'Unauthorized' }))
    return
  }
  const ctx = { userID }
  const url = new URL(request.url, 'http://127.0.0.1')
  const common = {
    userID,
    query: url.searchParams,
    body: JSON.parse(String(Buffer.concat(chunks))),
  }
  const answer =
    url.pathname === '/query'
      ? await handleQueryRequest({
          ...common,
          schema,
          handler: (name, args) => mustGetQuery(queries, name).fn({ args, ctx }),
        })
      : await handleMutateRequest({
          ...common,
          dbProvider,
          handler: (transact) =>
            transact((tx, name, args) => mustGetMutator(mutators, name).fn({ tx, args, ctx })),
        })
  response.end(JSON.stringify(answer))
}).listen(Number(PORT), '127.0.0.1')

/** Whose token it is; nobody's where it is not of this project or has run out. */
function userOf(authorization = '') {
  const [head, claims, signature] = authorization.replace(/^Bearer /, '').split('.')
  const right = createHmac('sha256', JWT_SECRET).update(`${head}.${claims}`).digest('base64url')
  if (!signature || signature !== right) return undefined
  const { sub, exp } = JSON.parse(String(Buffer.from(claims, 'base64url')))
  return exp * 1_000 > Date.now() ? sub : undefined
}
