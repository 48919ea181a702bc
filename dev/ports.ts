import { createServer, type AddressInfo } from 'node:net'
import { StackError } from './errors.ts'

/** Fails with the port's name when somebody else listens on it. */
export async function requireFreePort(port: number, variable: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is taken by another program'
          : `cannot be used: ${error.message}`
      reject(
        new StackError(`port ${port} ${why}. Free it, or choose another with ${variable}=<port>`),
      )
    })
    server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve)
  })
  await new Promise((resolve) => server.close(resolve))
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
