import { randomUUID } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import type { Keys } from '../dev/keys.ts'
import { Rpc } from '../dev/gateway/rpc.ts'
import { on, open, type Template } from '../fuzz/database.ts'
import { Lane } from '../fuzz/lane.ts'

/** Nobody waits longer for a lock, in milliseconds: a transaction that a history leaves open must not stop it. */
const LOCK_TIMEOUT = 100

const settings = {
  lock_timeout: LOCK_TIMEOUT,
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
}

/** A database of a worker's own that can be backed up and put back, with the gateway in front of it. */
export class ProofDatabase {
  /** The project's owner. */
  owner!: Lane
  /** The owner once more, for a transaction that stays open. */
  slot!: Lane
  /** The gateway's part that calls database functions. */
  rpc!: Rpc
  readonly #name = `proof_${randomUUID().replaceAll('-', '').slice(0, 12)}`
  readonly #server: Sql
  readonly #serverUrl: string
  readonly #keys: Keys
  #connections: Sql[] = []

  private constructor(serverUrl: string, keys: Keys) {
    this.#serverUrl = serverUrl
    this.#keys = keys
    this.#server = open(serverUrl)
  }

  static async create(serverUrl: string, keys: Keys, template: Template): Promise<ProofDatabase> {
    const made = new ProofDatabase(serverUrl, keys)
    await made.#server.unsafe(`create database ${made.#name} template ${template.name}`)
    made.#connect()
    return made
  }

  #connect(): void {
    const url = on(this.#serverUrl, this.#name)
    const gate = new URL(url)
    gate.username = 'authenticator'
    gate.password = this.#keys.internalPassword
    const [owner, slot] = [open(url, settings), open(url, settings)]
    const gateway = postgres(gate.href, { max: 3, onnotice: () => {}, connection: settings })
    this.#connections = [owner, slot, gateway]
    this.owner = new Lane(owner)
    this.slot = new Lane(slot)
    this.rpc = new Rpc(gateway)
  }

  async #disconnect(): Promise<void> {
    await Promise.all(this.#connections.map((sql) => sql.end({ timeout: 1 })))
  }

  /** Copies the database as it is. */
  async backUp(): Promise<void> {
    await this.#disconnect()
    await this.#server.unsafe(`drop database if exists ${this.#name}_copy with (force)`)
    await this.#copy(this.#name, `${this.#name}_copy`)
    this.#connect()
  }

  /** Puts the copy in its place, and says so, as the manual asks of whoever restores a dump. */
  async restore(): Promise<void> {
    await this.#disconnect()
    await this.#server.unsafe(`drop database ${this.#name} with (force)`)
    await this.#copy(`${this.#name}_copy`, this.#name)
    this.#connect()
    await this.owner.run('update tidemark.settings set epoch = default')
  }

  /** Postgres copies only what nobody is connected to, and a connection takes its time to be gone. */
  async #copy(from: string, to: string): Promise<void> {
    for (let attempt = 1; ; attempt++)
      try {
        await this.#server.unsafe(`create database ${to} template ${from}`)
        return
      } catch (error) {
        const inUse = error instanceof postgres.PostgresError && error.code === '55006'
        if (!inUse || attempt === 5) throw error
      }
  }

  async drop(): Promise<void> {
    await this.#disconnect()
    await this.#server.unsafe(`drop database ${this.#name} with (force)`)
    await this.#server.unsafe(`drop database if exists ${this.#name}_copy with (force)`)
    await this.#server.end()
  }
}
