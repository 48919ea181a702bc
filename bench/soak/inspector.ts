/** V8's inspector of a process that was started with `--inspect=127.0.0.1:<port>`. */
export interface Inspector {
  /** Collects the garbage; resolves to the bytes of the objects that are left and of their buffers. */
  heap(): Promise<number>
  close(): void
}

interface Answer {
  id: number
  result?: { usedSize?: number; backingStorageSize?: number }
  error?: { message: string }
}

/**
 * Connects to the inspector that listens on `port` of this machine. What is asked for when the process
 * ends is rejected.
 */
export async function inspect(port: number): Promise<Inspector> {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`)
  const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[]
  const socket = new WebSocket(target!.webSocketDebuggerUrl)
  const waiting = new Map<number, PromiseWithResolvers<Answer>>()
  const closed = new Error(`the inspector on port ${port} is closed`)
  let count = 0

  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data)) as Answer
    const asked = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.error) asked?.reject(new Error(answer.error.message))
    else asked?.resolve(answer)
  })
  socket.addEventListener('close', () => {
    for (const { reject } of waiting.values()) reject(closed)
  })
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('close', () => reject(closed))
  })

  function call(method: string): Promise<Answer> {
    if (socket.readyState !== WebSocket.OPEN) return Promise.reject(closed)
    const asked = Promise.withResolvers<Answer>()
    waiting.set(++count, asked)
    socket.send(JSON.stringify({ id: count, method }))
    return asked.promise
  }

  return {
    async heap() {
      // What finalizers let go of is garbage only afterwards.
      for (let n = 0; n < 2; n++) await call('HeapProfiler.collectGarbage')
      const { result } = await call('Runtime.getHeapUsage')
      return result!.usedSize! + (result!.backingStorageSize ?? 0)
    },
    close: () => socket.close(),
  }
}
