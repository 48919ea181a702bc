// Serves the functions of a folder under /functions/v1/<name>. A function calls Deno.serve, as it does on
// a hosted project; here that hands its handler over instead of opening a port of its own.

type Handler = (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>

const [folder = '', port = ''] = Deno.args
const serve = Deno.serve
const handlers = new Map<string, Handler | 'broken'>()

const names = [...Deno.readDirSync(folder)]
  .filter(({ name, isDirectory }) => isDirectory && !/^[_.]/.test(name))
  .map(({ name }) => name)
  .filter((name) =>
    [...Deno.readDirSync(`${folder}/${name}`)].some((file) => file.name === 'index.ts'),
  )
  .sort()

for (const name of names) {
  let handler: Handler | undefined
  const capture = (...args: unknown[]) => {
    handler = args.find((arg) => typeof arg === 'function') as Handler | undefined
    handler ??= (args[0] as { handler?: Handler }).handler
    return {
      finished: new Promise(() => {}),
      addr: {},
      ref() {},
      unref() {},
      shutdown: async () => {},
    }
  }
  Object.defineProperty(Deno, 'serve', { value: capture, configurable: true, writable: true })
  try {
    await import(new URL(`${name}/index.ts`, `file://${folder}/`).href)
    if (!handler) throw new Error('its index.ts did not call Deno.serve')
    handlers.set(name, handler)
  } catch (error) {
    handlers.set(name, 'broken')
    console.error(`function ${name} did not start: ${error instanceof Error ? error.stack : error}`)
  }
}

serve(
  { port: Number(port), hostname: '127.0.0.1', onListen: () => console.log('functions ready') },
  async (request, info) => {
    const name = /^\/functions\/v1\/([^/]+)/.exec(new URL(request.url).pathname)?.[1] ?? ''
    const handler = handlers.get(name)
    if (!handler)
      return Response.json(
        { code: 'NOT_FOUND', message: 'Requested function was not found' },
        { status: 404 },
      )
    if (handler === 'broken') {
      return Response.json(
        { code: 'BOOT_ERROR', message: 'Function failed to start (please check logs)' },
        { status: 503 },
      )
    }
    try {
      return await handler(request, info)
    } catch (error) {
      console.error(`function ${name}: ${error instanceof Error ? error.stack : error}`)
      return Response.json(
        { code: 'WORKER_ERROR', message: 'Internal Server Error' },
        { status: 500 },
      )
    }
  },
)
