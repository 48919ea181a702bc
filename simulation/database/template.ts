import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { migrate } from '../../dev/migrate.ts'
import { addressOf, connect } from './connection.ts'

const ownMigrations = fileURLToPath(new URL('../../supabase/migrations', import.meta.url))

/** What runs in an empty database before the migrations. */
const project = new URL('project.sql', import.meta.url)

export interface TemplateOptions {
  /** Owner's connection to a server with the roles of a Supabase project. */
  serverUrl: string
  /** The app's schema, applied after the migrations. */
  schema: readonly URL[]
  /** Another folder than the project's own. */
  migrations?: string | undefined
}

/**
 * A database with Tidemark and the app that has no connections: the databases of histories are copies of
 * it. Histories have a database of their own because a purge and a broken engine concern all of it.
 */
export class Template {
  readonly serverUrl: string
  readonly name: string

  private constructor(serverUrl: string, name: string) {
    this.serverUrl = serverUrl
    this.name = name
  }

  static async create({ serverUrl, schema, migrations }: TemplateOptions): Promise<Template> {
    const template = new Template(serverUrl, newName())
    await template.#onServer(`create database ${template.name}`)
    await template.#run(await readFile(project, 'utf8'))
    await migrate(addressOf(serverUrl, template.name), migrations ?? ownMigrations)
    for (const file of schema) await template.#run(await readFile(file, 'utf8'))
    return template
  }

  /** A copy that SQL has changed, as one that breaks the engine. */
  async changed(sql: string): Promise<Template> {
    const copy = new Template(this.serverUrl, newName())
    await copy.#onServer(`create database ${copy.name} template ${this.name}`)
    await copy.#run(sql)
    return copy
  }

  async drop(): Promise<void> {
    await this.#onServer(`drop database ${this.name} with (force)`)
  }

  async #run(sql: string): Promise<void> {
    const owner = connect(addressOf(this.serverUrl, this.name))
    try {
      await owner.unsafe(sql)
    } finally {
      await owner.end()
    }
  }

  async #onServer(sql: string): Promise<void> {
    const server = connect(this.serverUrl)
    try {
      await server.unsafe(sql)
    } finally {
      await server.end()
    }
  }
}

const newName = (): string => `simulation_${randomUUID().replaceAll('-', '').slice(0, 12)}`
