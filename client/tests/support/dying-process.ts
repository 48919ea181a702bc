import { DatabaseSync } from 'node:sqlite'
import { sqliteStorage, syncSqlite } from '../../src/index.ts'
import { crashing } from './crash.ts'
import { begin, type Story } from './two-hundred.ts'

/** What the process is told, as JSON in its first argument. */
export interface Fate {
  story: Story
  /** The SQLite file. */
  file: string
  /** The write at which the process ends itself by SIGKILL; 0 for never. */
  at: number
  moment: 'before' | 'after'
}

const { story, file, at, moment } = JSON.parse(process.argv[2]!) as Fate
const disk = sqliteStorage(syncSqlite(new DatabaseSync(file)))
const crash = crashing(disk, at || Infinity, moment, () => process.kill(process.pid, 'SIGKILL'))
await begin(story, crash.storage).sync.sync()
process.exit(0)
