import type { Row, Sync } from '../../../client/src/index.ts'
import type { Mutation } from '../../../supabase/functions/_tidemark/wire.ts'
import type { PushResult, Wire } from '../inspector/watch.ts'
import { ruleOf, TABLES } from '../schema.ts'

/** Something that happened to a device's edits or rows, for people. */
export interface Note {
  number: number
  kind: 'merged' | 'lost' | 'conflict' | 'refused' | 'again' | 'joined' | 'left' | 'trouble'
  text: string
  /** The row it is about. */
  table?: string
  id?: string
  /** Its columns that came out otherwise than they were sent. */
  columns?: string[]
}

/** What has happened, latest first. */
export interface Story {
  notes(): readonly Note[]
  tell(kind: Note['kind'], text: string, more?: Pick<Note, 'table' | 'id' | 'columns'>): void
  subscribe(fn: () => void): () => void
}

const KEPT = 30

export function createStory(): Story {
  let notes: readonly Note[] = []
  let number = 0
  const listeners = new Set<() => void>()
  return {
    notes: () => notes,
    tell(kind, text, more) {
      notes = [{ number: ++number, kind, text, ...more }, ...notes].slice(0, KEPT)
      for (const fn of listeners) fn()
    },
    subscribe(fn) {
      listeners.add(fn)
      return () => void listeners.delete(fn)
    },
  }
}

const words = (value: unknown): string =>
  value === null || value === undefined || value === ''
    ? 'nothing'
    : Array.isArray(value)
      ? value.join(', ')
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value as string | number | boolean)

const titleOf = (table: string, row: Row | null | undefined, id: string): string => {
  const name = row?.name
  return typeof name === 'string' ? name : `${table.split('.').at(-1)} ${id.slice(0, 8)}`
}

/** Tells the story of each edit that came out otherwise than it was sent. Returns what ends it. */
export function follow(sync: Sync, wire: Wire, story: Story): () => void {
  async function ofResult(edit: Mutation, result: PushResult): Promise<void> {
    const { table, id } = edit
    const before = await sync.table(table).get(id)
    const row = result.row ?? before
    const title = titleOf(table, row ?? edit.data, id)
    const lost = result.lost ?? []
    if (result.status === 'duplicate') {
      story.tell('again', `${title}: the server had this edit already, and took it only once`, {
        table,
        id,
      })
    }
    if (lost.length > 0) {
      const each = lost.map((column) => {
        const stands = words(result.row?.[column])
        return `${column} stays “${stands}”, “${words(edit.data?.[column])}” gives way (${ruleOf(table, column)})`
      })
      story.tell('lost', `${title}: ${each.join('; ')}`, { table, id, columns: lost })
    }
    if (result.status === 'conflict' && result.conflict_id) {
      story.tell('conflict', `${title}: changed elsewhere as well. A person has to decide`, {
        table,
        id,
      })
    }
    if (result.status === 'merged') tellMerge(edit, result, title, lost)
  }

  function tellMerge(edit: Mutation, result: PushResult, title: string, lost: string[]): void {
    const { table, id } = edit
    const mixed = Object.keys(edit.data ?? {}).filter(
      (column) =>
        !lost.includes(column) &&
        result.row &&
        JSON.stringify(result.row[column]) !== JSON.stringify(edit.data?.[column]),
    )
    const each = mixed.map(
      (column) => `${column} is now “${words(result.row?.[column])}” (${ruleOf(table, column)})`,
    )
    const text = each.length > 0 ? each.join('; ') : 'changes of different fields, both kept'
    story.tell('merged', `${title}: merged with another device’s edit: ${text}`, {
      table,
      id,
      columns: mixed,
    })
  }

  const tripNames = new Map<string, string>()
  const nameOf = (scope: string): string => tripNames.get(scope) ?? 'a trip'
  const ends = [
    sync.table(TABLES.trips).subscribe((trips) => {
      for (const { id, name } of trips) tripNames.set(`trip:${String(id)}`, String(name))
    }),
    wire.onResult((edit, result) => {
      ofResult(edit, result).catch(() => {})
    }),
    wire.subscribe(() => {
      const [latest] = wire.exchanges()
      for (const scope of latest?.joined ?? []) {
        if (scope.startsWith('trip:')) story.tell('joined', 'Came into a trip: its rows are here')
      }
      for (const scope of latest?.left ?? [])
        story.tell('left', `Out of ${nameOf(scope)}: its rows have left this device`)
    }),
    sync.on('rejected', ({ table, id, data, error }) =>
      story.tell('refused', `${titleOf(table, data, id)}: refused, ${error.message}`, {
        table,
        id,
      }),
    ),
  ]
  return () => {
    for (const end of ends) end()
  }
}
