import postgres, { type Sql } from 'postgres'
import { Rpc } from '../../dev/gateway/rpc.ts'
import type { Keys } from '../../dev/keys.ts'
import { addressOf, connect, Connection } from './connection.ts'
import type { Template } from './template.ts'

export interface DatabaseOptions {
  keys: Keys
  /** How long a statement waits for a row that another transaction holds, in milliseconds: a transaction that a history leaves open must not stop it. */
  lockTimeout: number
}

/** A database of a worker's own, for one history at a time, with the gateway in front of it. */
export class Database {
  /** The project's owner. */
  main!: Connection
  /** The owner once more, for two calls at once. */
  twin!: Connection
  /** The owner again, for transactions that stay open. */
  slots!: [Connection, Connection]
  /** The gateway's part that calls database functions. */
  rpc!: Rpc
  readonly #name: string
  readonly #serverUrl: string
  readonly #options: DatabaseOptions
  readonly #server: Sql
  #gateway!: Sql

  private constructor(template: Template, number: number, options: DatabaseOptions) {
    this.#name = `${template.name}_${number}`
    this.#serverUrl = template.serverUrl
    this.#options = options
    this.#server = connect(template.serverUrl)
  }

  static async create(template: Template, options: DatabaseOptions): Promise<Database> {
    const database = new Database(template, nextNumber++, options)
    await database.#server.unsafe(`create database ${database.#name} template ${template.name}`)
    database.#connect()
    return database
  }

  #connect(): void {
    const { keys, lockTimeout } = this.#options
    // Of thousands of small statements none is worth compiling, or planning anew.
    const settings = {
      lock_timeout: lockTimeout,
      jit: 'off',
      plan_cache_mode: 'force_generic_plan',
    }
    const url = addressOf(this.#serverUrl, this.#name)
    const gate = new URL(url)
    gate.username = 'authenticator'
    gate.password = keys.internalPassword
    const open = () => new Connection(connect(url, settings))
    this.main = open()
    this.twin = open()
    this.slots = [open(), open()]
    this.#gateway = postgres(gate.href, { max: 3, onnotice: () => {}, connection: settings })
    this.rpc = new Rpc(this.#gateway)
  }

  async #disconnect(): Promise<void> {
    const connections = [this.main, this.twin, ...this.slots]
    await Promise.all([
      ...connections.map((connection) => connection.end()),
      this.#gateway.end({ timeout: 1 }),
    ])
  }

  /** Copies the database as it is. */
  async backUp(): Promise<void> {
    await this.#disconnect()
    await this.#server.unsafe(`drop database if exists ${this.#name}_copy with (force)`)
    await this.#copy(this.#name, `${this.#name}_copy`)
    this.#connect()
  }

  /** Puts the copy in its place, and tells the engine, as the manual asks of an operator who restores a dump. */
  async restore(): Promise<void> {
    await this.#disconnect()
    await this.#server.unsafe(`drop database ${this.#name} with (force)`)
    await this.#copy(`${this.#name}_copy`, this.#name)
    this.#connect()
    await this.main.run('update tidemark.settings set epoch = default')
  }

  /** Postgres copies only a database without connections, and a connection takes its time to be gone. */
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

let nextNumber = 1
