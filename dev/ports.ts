import { createServer, type AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { StackError } from './errors.ts'

/** Fails with the port's name when somebody else listens on it and goes on doing so. */
export async function requireFreePort(port: number, variable: string): Promise<void> {
  // The parts of a stack that was killed a moment ago are still ending.
  const deadline = Date.now() + 1500
  for (;;) {
    try {
      await tryPort(port)
      return
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE' && Date.now() < deadline) {
        await setTimeout(100)
        continue
      }
      const why =
        code === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used: ${message}`
      throw new StackError(
        `port ${port} ${why}. Free it, or choose another with ${variable}=<port>`,
      )
    }
  }
}

export async function freePort(): Promise<number> {
  return tryPort(0)
}

async function tryPort(port: number): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
  })
  const { port: chosen } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return chosen
}
