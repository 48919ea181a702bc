import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import postgres, { type Sql } from 'postgres'
import { WebSocketServer, type WebSocket } from 'ws'
import { verifyToken } from '../gateway/access.ts'
import type { Keys } from '../keys.ts'
import { databaseUrl } from '../urls.ts'
import { mayRead } from './authorise.ts'
import { decode, encode, type Frame } from './frames.ts'

/** A socket's subscription to a topic. */
interface Channel {
  socket: WebSocket
  /** As it goes over the wire: `realtime:<topic>`. */
  topic: string
  joinRef: string | null
  private: boolean
  /** Ends the channel when the token that opened it has expired. */
  expiry?: NodeJS.Timeout | undefined
}

interface Message {
  topic: string
  event: string
  payload: unknown
  private: boolean
}

const PATH = '/realtime/v1/websocket'

/**
 * The part of Realtime that broadcasts from the database need, for supabase-js: join, leave, heartbeat,
 * new tokens, and messages that `realtime.send` wrote. Who may join a private channel is decided once,
 * by the policies on realtime.messages, and again with every new token: as on a hosted project.
 */
export async function serveRealtime(server: Server, dbPort: number, keys: Keys): Promise<void> {
  const sql = postgres(databaseUrl(dbPort, 'supabase_realtime_admin', keys.internalPassword), {
    max: 4,
    onnotice: () => {},
  })
  const channels = new Map<string, Set<Channel>>()
  await sql.listen('realtime_messages', (id) => void deliver(sql, channels, id))

  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const key = url.searchParams.get('apikey')
    if (url.pathname !== PATH || (key !== keys.publishable && key !== keys.secret)) {
      socket.end(`HTTP/1.1 ${url.pathname === PATH ? '401 Unauthorized' : '404 Not Found'}\r\n\r\n`)
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => open(client))
  })

  function open(socket: WebSocket): void {
    const mine = new Map<string, Channel>()

    function close(channel: Channel, event: 'phx_close' | 'phx_error' = 'phx_close'): void {
      clearTimeout(channel.expiry)
      mine.delete(channel.topic)
      channels.get(channel.topic)?.delete(channel)
      send(socket, { ...addressOf(channel), event, payload: {} })
    }

    /** Says why in words, and ends the channel. */
    function refuse(channel: Channel, message: string): void {
      const payload = { status: 'error', extension: 'system', channel: channel.topic, message }
      send(socket, { ...addressOf(channel), event: 'system', payload })
      close(channel)
    }

    /** Undefined where the token is good; else the reason why it is not. */
    async function authorise(channel: Channel, token: unknown): Promise<string | undefined> {
      const given = typeof token === 'string' && !token.startsWith('sb_') ? token : undefined
      const claims = given
        ? await verifyToken(keys, given).catch(() => undefined)
        : { role: 'anon', exp: undefined }
      if (!claims) return 'InvalidJWTToken: Token has expired or is invalid'
      const name = channel.topic.replace(/^realtime:/, '')
      if (channel.private && !(await mayRead(sql, name, claims)))
        return `Unauthorized: You do not have permissions to read from this Channel topic: ${name}`
      clearTimeout(channel.expiry)
      if (typeof claims.exp === 'number')
        channel.expiry = setTimeout(
          () => refuse(channel, 'Token has expired'),
          Math.min(claims.exp * 1000 - Date.now(), 2 ** 31 - 1),
        )
      return undefined
    }

    async function join(frame: Frame): Promise<void> {
      const config = (frame.payload.config ?? {}) as { private?: boolean }
      const channel: Channel = {
        socket,
        topic: frame.topic,
        joinRef: frame.joinRef,
        private: config.private === true,
      }
      const before = mine.get(frame.topic)
      if (before) close(before)
      const reason = await authorise(channel, frame.payload.access_token)
      if (reason) return reply(socket, frame, 'error', { reason })
      if (socket.readyState !== socket.OPEN) return clearTimeout(channel.expiry)
      mine.set(frame.topic, channel)
      channels.set(frame.topic, (channels.get(frame.topic) ?? new Set()).add(channel))
      reply(socket, frame, 'ok', { postgres_changes: [] })
    }

    async function take(frame: Frame): Promise<void> {
      const channel = mine.get(frame.topic)
      switch (frame.event) {
        case 'heartbeat':
          return reply(socket, frame, 'ok')
        case 'phx_join':
          return join(frame)
        case 'phx_leave':
          reply(socket, frame, 'ok')
          if (channel) close(channel)
          return
        case 'access_token': {
          const reason = channel && (await authorise(channel, frame.payload.access_token))
          if (channel && reason) refuse(channel, reason)
          return
        }
        default:
          return reply(socket, frame, 'error', { reason: 'The local stack does not serve this' })
      }
    }

    // One after the other: a token that follows a join is for the channel that it opens.
    let last = Promise.resolve()
    socket.on('message', (data, binary) => {
      if (binary) return
      last = last
        .then(() => take(decode(String(data))))
        .catch((error: unknown) => console.error('realtime:', error))
    })
    socket.on('close', () => {
      for (const channel of mine.values()) {
        clearTimeout(channel.expiry)
        channels.get(channel.topic)?.delete(channel)
      }
    })
    socket.on('error', () => socket.terminate())
  }
}

async function deliver(sql: Sql, channels: Map<string, Set<Channel>>, id: string): Promise<void> {
  const [message] = await sql<Message[]>`
    select topic, event, payload, private from realtime.messages where id = ${id}`
  if (!message) return
  const topic = `realtime:${message.topic}`
  const payload = { type: 'broadcast', event: message.event, payload: message.payload }
  for (const channel of channels.get(topic) ?? []) {
    if (channel.private !== message.private) continue
    send(channel.socket, { joinRef: null, ref: null, topic, event: 'broadcast', payload })
  }
}

function addressOf({ topic, joinRef }: Channel): Omit<Frame, 'event' | 'payload'> {
  return { topic, joinRef, ref: null }
}

function reply(
  socket: WebSocket,
  { joinRef, ref, topic }: Frame,
  status: 'ok' | 'error',
  response: Record<string, unknown> = {},
): void {
  send(socket, { joinRef, ref, topic, event: 'phx_reply', payload: { status, response } })
}

function send(socket: WebSocket, frame: Frame): void {
  if (socket.readyState === socket.OPEN) socket.send(encode(frame))
}
