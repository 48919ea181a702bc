import { spawn, type ChildProcess } from 'node:child_process'
import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bearer, Refusal, verifyToken } from './access.ts'
import { denoBinary } from './binaries.ts'
import { denoEnvironment, denoFlags } from './deno.ts'
import { StackError } from './errors.ts'
import type { Keys } from './keys.ts'
import { stopProcess } from './processes.ts'

export interface FunctionsOptions {
  /** supabase/functions. */
  folder: string
  port: number
  keys: Keys
  apiUrl: string
  dbUrl: string
  log: (line: string) => void
}

/** One Deno process serves every function, with the environment variables that hosted functions get. */
export async function startFunctions(options: FunctionsOptions): Promise<ChildProcess> {
  const { folder, port, keys, apiUrl, dbUrl, log } = options
  const root = fileURLToPath(new URL('..', import.meta.url))
  const readable = [folder, join(root, 'node_modules'), join(root, 'client')]
  const args = [
    'run',
    '--no-prompt',
    '--allow-net',
    '--allow-env',
    `--allow-read=${readable.join(',')}`,
  ]
  args.push(...denoFlags(folder), join(root, 'dev', 'deno', 'main.ts'), folder, String(port))
  const child = spawn(await denoBinary(), args, {
    cwd: root,
    // It ends when its input closes, however the stack comes to its end.
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...denoEnvironment(),
      SUPABASE_URL: apiUrl,
      SUPABASE_ANON_KEY: keys.publishable,
      SUPABASE_SERVICE_ROLE_KEY: keys.secret,
      SUPABASE_DB_URL: dbUrl,
    },
  })
  await ready(child, log)
  return child
}

export function stopFunctions(child: ChildProcess): Promise<void> {
  return stopProcess(child, 'SIGTERM')
}

async function ready(child: ChildProcess, log: (line: string) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(
      () => reject(new StackError('the functions did not start within 30 s')),
      30_000,
    )
    const onLine = (line: string) => {
      if (line !== 'functions ready') return log(line)
      clearTimeout(late)
      resolve()
    }
    eachLine(child.stdout!, onLine)
    eachLine(child.stderr!, onLine)
    child.once('error', (error) => reject(new StackError(`deno did not start: ${error.message}`)))
    child.once('exit', (code) => reject(new StackError(`deno ended with code ${code}`)))
  })
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    lines.forEach(onLine)
  })
}

/** A function is called with a user's token, or with a key where nobody is signed in. */
export async function verifyFunctionCall(
  keys: Keys,
  url: URL,
  headers: IncomingHttpHeaders,
): Promise<void> {
  const token = bearer(headers.authorization)
  if (!token) throw new Refusal(401, { code: 401, message: 'Missing authorization header' })
  if (token === keys.publishable || token === keys.secret) return
  await verifyToken(keys, token).catch(() => {
    throw new Refusal(401, { code: 401, message: 'Invalid JWT' })
  })
}

/** Bodies pass through as they come, compressed or not, in both directions. */
export function proxy(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url: path, headers } = request
  const upstream = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  upstream.on('error', () => {
    if (response.headersSent) return response.destroy()
    response.writeHead(502, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ message: 'The functions do not answer' }))
  })
  response.on('close', () => upstream.destroy())
  request.pipe(upstream)
}
