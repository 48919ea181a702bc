import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { denoBinary } from '../binaries.ts'
import { StackError } from '../errors.ts'
import { modules, program, root } from '../root.ts'
import type { StackInfo } from '../stack-info.ts'
import { denoEnvironment, denoFlags } from './deno.ts'

export interface FunctionsOptions {
  /** supabase/functions. */
  folder: string
  port: number
  info: StackInfo
  /** Load them again when a file changes. */
  watch: boolean
  log: (line: string) => void
  /** Port for V8's inspector; absent: it is off. */
  inspect?: number | undefined
}

/**
 * One Deno process serves every function, with the environment variables that hosted functions get.
 * Returns at once; `ready` tells when they answer.
 */
export async function spawnFunctions(
  options: FunctionsOptions,
): Promise<{ process: ChildProcess; ready: Promise<void> }> {
  const { folder, port, info, log } = options
  const readable = [folder, modules]
  const permissions = ['--no-prompt', '--allow-net', '--allow-env', `--allow-read=${readable}`]
  const main = program('main', import.meta.url)
  const watch = options.watch ? [`--watch=${folder}`, '--no-clear-screen'] : []
  const inspect = options.inspect === undefined ? [] : [`--inspect=127.0.0.1:${options.inspect}`]
  const args = [
    'run',
    ...watch,
    ...inspect,
    ...permissions,
    ...denoFlags(folder),
    main,
    folder,
    String(port),
  ]
  const child = spawn(await denoBinary(), args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...denoEnvironment(),
      SUPABASE_URL: info.api_url,
      SUPABASE_ANON_KEY: info.publishable_key,
      SUPABASE_SERVICE_ROLE_KEY: info.secret_key,
      SUPABASE_DB_URL: info.db_url,
    },
  })

  let started = false
  const ready = new Promise<void>((resolve, reject) => {
    const onLine = (line: string) => {
      if (line !== 'functions ready') return log(line)
      if (started) log('functions loaded again')
      started = true
      resolve()
    }
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', onLine)
    }
    child.once('error', (error) => reject(new StackError(`deno did not start: ${error.message}`)))
    child.once('exit', () => reject(new StackError('deno ended while starting')))
  })
  ready.catch(() => {})
  return { process: child, ready }
}
