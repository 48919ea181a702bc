import { spawnSync } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StackError } from './errors.ts'

/** How to run a program as the user that Postgres may run as: it refuses to be root. */
export interface RunAs {
  uid?: number
  gid?: number
  /** Put in front of the command line. */
  wrapper: string[]
}

export async function postgresUser(dataFolder: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { wrapper: [] }
  const { uid, gid } = (await ownerOf(dataFolder)) ?? (await unprivilegedUser())
  if (await canReach(dirname(dataFolder))) return { uid, gid, wrapper: [] }
  // Below a private folder the server needs one of root's rights to walk down to its data.
  const wrapper = [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
    '--',
  ]
  if (spawnSync(wrapper[0]!, [...wrapper.slice(1), 'true']).status === 0)
    return { uid, gid, wrapper }
  throw new StackError(
    `Postgres cannot run as root, and no other user can enter ${dirname(dataFolder)}. ` +
      'Choose a folder outside of private ones with TIDEMARK_DATA=<folder>',
  )
}

/** Whether users other than the owner may walk down to a folder. */
export async function canReach(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}

/** A data folder stays with the user that made it. */
async function ownerOf(folder: string): Promise<{ uid: number; gid: number } | undefined> {
  const { uid, gid } = await stat(folder).catch(() => ({ uid: 0, gid: 0 }))
  return uid === 0 ? undefined : { uid, gid }
}

async function unprivilegedUser(): Promise<{ uid: number; gid: number }> {
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((user) => user[0] === name) ?? []
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new StackError(
    'Postgres cannot run as root: add a user named postgres, or start as another user',
  )
}
