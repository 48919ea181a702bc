import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** Whether a process with this id runs and was started with `word` on its command line: ids get reused. */
export async function isRunning(pid: number, word: string): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => {
    return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? ''
  })
  return command.includes(word)
}

export async function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(late)
}

/**
 * Stops a process when this one is killed and can no longer do it: the pipe closes with whoever holds it.
 * Ending the returned guard takes the order back.
 */
export function guard(child: ChildProcess): ChildProcess {
  const script = 'cat >/dev/null; kill -INT "$0" 2>/dev/null'
  const keeper = spawn('/bin/sh', ['-c', script, String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  })
  keeper.on('error', () => {})
  keeper.unref()
  return keeper
}
