import { byKey, type Looked, type Rows } from '../app/rows.ts'
import { newSetting, type Setting } from '../app/setting.ts'
import type { Database } from '../database/database.ts'
import { as, words } from '../database/sql.ts'
import type { Made } from '../oracle/edits.ts'
import type { Sum } from '../oracle/held.ts'
import { Ledger } from '../oracle/ledger.ts'
import type { Violation } from '../oracle/violation.ts'
import { Journal } from './journal.ts'
import { Server } from './server.ts'

/** What a history happens to: the database, what is known of it from outside, and the journal. */
export class World {
  readonly db: Database
  readonly setting: Setting
  readonly journal = new Journal()
  readonly ledger = new Ledger()
  readonly server: Server
  /** The edits of the apps, in order. */
  readonly made: Made[] = []
  /** By device: a copy of its storage, and how many edits there were when it was made. */
  readonly backups = new Map<string, { stored: unknown; made: number }>()
  /** What was found where nothing could be thrown. */
  violation: Violation | undefined

  constructor(db: Database, users: number) {
    this.db = db
    this.setting = newSetting(users)
    this.server = new Server(db, this.setting, this.ledger, this.journal)
  }

  /** What a user's devices have to hold by plain SQL, and by `sync_verify` where it is asked. */
  async truth(user: string, withSums = false): Promise<{ rows: Rows; sums: Sum[] | undefined }> {
    const sums = withSums ? 'select public.sync_verify()' : ''
    const [rows, summed] = (await this.db.main.run(
      `${as(user)} select simulation.truth(); ${sums}`,
    )) as [Looked, Sum[] | undefined]
    return { rows: byKey(rows), sums: summed }
  }

  /** Every row that there is or was, as it is stored. */
  async stored(): Promise<Rows> {
    const ids = Object.values(this.setting.ids).flat()
    const [rows] = (await this.db.main.run(`select simulation.look(${words(ids)})`)) as [Looked]
    return byKey(rows)
  }

  /** The storage is gone that had a device's edits, from the given one on. */
  throwAway(device: string, from = 0): void {
    for (const made of this.made.slice(from)) if (made.device === device) made.thrownAway = true
  }
}
