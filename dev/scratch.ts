import { access, constants, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
const ROOM = 4 * 2 ** 30

/**
 * A new folder for the data of a stack that lives as long as a test run. It is in memory where there is
 * room: random histories copy whole databases, which a disk's file system is slow at.
 */
export async function scratch(name: string): Promise<string> {
  return mkdtemp(join((await hasRoom()) ? MEMORY : tmpdir(), name))
}

async function hasRoom(): Promise<boolean> {
  try {
    await access(MEMORY, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = await statfs(MEMORY)
    return bavail * bsize >= ROOM
  } catch {
    return false
  }
}
