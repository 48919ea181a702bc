import { fork, type ChildProcess } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { StackError } from '../errors.ts'
import { program } from '../root.ts'
import type { GatewayOptions } from './options.ts'

/** Returns at once; `ready` tells when it answers requests. */
export async function forkGateway(
  dataDir: string,
  options: GatewayOptions,
  /** Port for V8's inspector; absent: it is off. */
  inspect?: number,
): Promise<{ process: ChildProcess; ready: Promise<void> }> {
  const file = join(dataDir, 'gateway.log')
  const log = await open(file, 'a')
  const child = fork(program('main', import.meta.url), {
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    detached: true,
    execArgv: inspect === undefined ? [] : [`--inspect=127.0.0.1:${inspect}`],
  })
  await log.close()
  child.send(options)
  const ready = new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('error', (error) =>
      reject(new StackError(`the gateway did not start: ${error.message}`)),
    )
    child.once('exit', () =>
      reject(new StackError(`the gateway ended while starting, see ${file}`)),
    )
  })
  ready.catch(() => {})
  return { process: child, ready }
}
