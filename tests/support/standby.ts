import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres, { type Sql } from 'postgres'
import { freePort } from '../../dev/ports.ts'
import { startPostgres } from '../../dev/postgres.ts'
import { stopProcess } from '../../dev/processes.ts'
import { databaseUrl } from '../../dev/urls.ts'

export interface Standby {
  /** As supabase_admin. */
  sql: Sql
  /** Resolves when everything that is committed on the primary can be read here. */
  caughtUp(): Promise<void>
  stop(): Promise<void>
}

/**
 * A hot standby of the server that `primary` leads to, made by a base backup of its files and fed by its
 * log; undefined where its files are out of reach. `primary` is a connection as the superuser.
 */
export async function startStandby(primary: Sql): Promise<Standby | undefined> {
  const [{ folder }] = await primary<[{ folder: string }]>`
    select current_setting('data_directory') as folder`
  const owner = await stat(join(folder, 'PG_VERSION')).catch(() => undefined)
  if (!owner) return undefined

  const dataDir = await mkdtemp(join(tmpdir(), 'tidemark-standby-'))
  await chmod(dataDir, 0o755)
  const data = join(dataDir, 'postgres')
  await mkdir(data, { mode: 0o700 })
  await chown(data, owner.uid, owner.gid)
  const { host, port, user, pass } = primary.options

  // A backup begins and ends in one session.
  const session = await primary.reserve()
  await session`select pg_backup_start('standby', true)`
  await copyData(folder, data)
  const [{ labelfile }] = await session<
    [{ labelfile: string }]
  >`select labelfile from pg_backup_stop(false)`
  session.release()
  const password = String(pass)
  const connection = `host=${host[0]} port=${port[0]} user=${user} password=${password}`
  for (const [name, content] of [
    ['backup_label', labelfile],
    ['standby.signal', ''],
    ['postgresql.auto.conf', `primary_conninfo = '${connection}'\n`],
  ] as const) {
    await writeFile(join(data, name), content, { mode: 0o600 })
    await chown(join(data, name), owner.uid, owner.gid)
  }

  const ownPort = await freePort()
  const { process } = await startPostgres({ dataDir, port: ownPort, password })
  const sql = postgres(databaseUrl(ownPort, user, password), { max: 2, onnotice: () => {} })
  return {
    sql,
    async caughtUp() {
      // Also what is committed and not flushed yet: the log writer takes it along within moments.
      const [{ written }] = await primary<
        [{ written: string }]
      >`select pg_current_wal_insert_lsn() as written`
      const reached = async () => {
        const [row] = await sql<[{ done: boolean }]>`
          select pg_last_wal_replay_lsn() >= ${written}::text::pg_lsn as done`
        return row.done
      }
      for (let n = 0; !(await reached()); n++) {
        if (n > 1000) throw new Error(`the standby did not get to ${written}`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    async stop() {
      await sql.end({ timeout: 1 })
      await stopProcess(process, 'SIGINT')
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** What a base backup holds: all but the log, which streams in, and what belongs to the running server. */
async function copyData(from: string, to: string): Promise<void> {
  // `cp` says so and goes on where a file is gone by the time that it gets there, as it should.
  await promisify(execFile)('cp', ['-a', `${from}/.`, to]).catch(() => {})
  for (const folder of ['pg_wal', 'pg_replslot', 'pg_dynshmem', 'pg_notify', 'pg_subtrans'])
    for (const name of await readdir(join(to, folder)))
      await rm(join(to, folder, name), { recursive: true })
  await rm(join(to, 'postmaster.pid'), { force: true })
}
