import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Keys {
  publishable: string
  secret: string
  /** Signs the users' tokens (HS256). */
  jwtSecret: string
  /** Of the database roles that only the stack itself signs in as. */
  internalPassword: string
}

/** The keys belong to the data folder: users that signed up before a restart stay signed in after it. */
export async function loadKeys(dataDir: string): Promise<Keys> {
  const file = join(dataDir, 'keys.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Keys
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const keys: Keys = {
    publishable: `sb_publishable_${randomText(24)}`,
    secret: `sb_secret_${randomText(24)}`,
    jwtSecret: randomText(48),
    internalPassword: randomText(24),
  }
  await writeFile(file, JSON.stringify(keys, null, 2), { mode: 0o600 })
  return keys
}

function randomText(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}
