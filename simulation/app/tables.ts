import { randomUUID } from 'node:crypto'
import type { Setting } from './setting.ts'

/** The tables of schema.sql as devices sync them. A new one is added here, in schema.sql and in questions.sql. */

/** Column name → JSON value, as the API prints it. */
export type Row = Record<string, unknown>

/** The value of a column, which a small number chooses. */
type Maker = (n: number, setting: Setting) => unknown

export interface TableSpec {
  scopeColumn: string | null
  scope(row: Row): string
  /** The columns that edits set. The first ones are those that cannot be null. */
  columns: Record<string, Maker>
  /** Columns that a rule computes from both sides. */
  computed: Record<string, 'union' | 'number' | 'deep'>
  /** The column in which an edit writes its mark: the row shows which edit wrote it last. */
  marked?: string
  /** Columns that the app's own rules refuse, with the mark of the edit. */
  refused?: (mark: string) => Row
  /** The column that adds up: no edit of it may be lost or counted twice. */
  summed?: string
  /** The column that decides which members see a row. */
  visibility?: string
  /** Rows can be moved to another scope. */
  moved?: true
  /** Nothing points at the key, so it can be changed. */
  rekeyed?: true
  /** Rows go with the row of another table. */
  parent?: { table: TableName; column: string }
}

export type TableName = 'trips' | 'items' | 'club_members' | 'docs' | 'cards' | 'notes' | 'notices'

const pick = <T>(list: T[], n: number): T | undefined => list[n % list.length]
const trip: Maker = (n, { trips }) => pick(trips, n)
const club: Maker = (n, { clubs }) => pick(clubs, n)
const word: Maker = (n) => `w${n}`
const number: Maker = (n) => n
const flag: Maker = (n) => n % 2 === 1

export const tables: Record<TableName, TableSpec> = {
  trips: {
    scopeColumn: 'id',
    scope: (row) => `trip:${String(row.id)}`,
    columns: { title: word, budget: number },
    computed: {},
    marked: 'title',
  },
  items: {
    scopeColumn: 'trip_id',
    scope: (row) => `trip:${String(row.trip_id)}`,
    columns: {
      trip_id: trip,
      name: word,
      quantity: number,
      tags: (n) => ['a', 'b', 'c', 'd'].filter((_, bit) => (n >> bit) & 1),
      facts: (n) => ({ n, [`k${n % 3}`]: { n } }),
      secret: (n) => n % 3 === 0,
    },
    computed: { tags: 'union', quantity: 'number', facts: 'deep' },
    marked: 'name',
    refused: (mark) => ({ name: `bad ${mark}` }),
    summed: 'quantity',
    visibility: 'secret',
    moved: true,
    rekeyed: true,
    parent: { table: 'trips', column: 'trip_id' },
  },
  club_members: {
    scopeColumn: 'club_id',
    scope: (row) => `club:${String(row.club_id)}`,
    columns: {
      club_id: club,
      user_id: (n, { users }) => pick(users, n),
      role: (n) => (n % 2 ? 'editor' : 'viewer'),
    },
    computed: {},
    moved: true,
    rekeyed: true,
  },
  docs: {
    scopeColumn: 'club_id',
    scope: (row) => `club:${String(row.club_id)}`,
    columns: { club_id: club, title: word, body: word, open: flag },
    computed: {},
    marked: 'body',
    visibility: 'open',
    moved: true,
  },
  cards: {
    scopeColumn: 'club_id',
    scope: (row) => `club:${String(row.club_id)}`,
    columns: {
      club_id: club,
      doc_id: (n, { ids }) => pick(ids.docs, n) ?? null,
      text: word,
      place: number,
    },
    computed: { place: 'number' },
    marked: 'text',
    moved: true,
    rekeyed: true,
  },
  notes: {
    scopeColumn: 'user_id',
    scope: (row) => `user:${String(row.user_id)}`,
    columns: {
      user_id: (n, { users }) => pick(users, n),
      body: word,
      stars: number,
      amount: (n) => n / 4,
    },
    computed: { stars: 'number' },
    marked: 'body',
    moved: true,
    rekeyed: true,
  },
  notices: {
    scopeColumn: null,
    scope: () => 'public',
    columns: { text: word, published: (n) => n % 4 !== 0 },
    computed: {},
    marked: 'text',
    visibility: 'published',
  },
}

export const tableNames = Object.keys(tables) as TableName[]

export function newKey(table: TableName): string {
  return table === 'notices' ? String(Math.floor(Math.random() * 2 ** 40) + 1e7) : randomUUID()
}

/** A key as a row has it. */
export const keyValue = (table: TableName, key: string): string | number =>
  table === 'notices' ? Number(key) : key
