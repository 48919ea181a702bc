import { randomUUID } from 'node:crypto'

/** The app of schema.sql as a device knows it. */

/** Column name → JSON value, as the API prints it. */
export type Row = Record<string, unknown>

/** What values are made of: the scopes and users of a history, and a small number that chooses. */
export interface Setting {
  users: string[]
  trips: string[]
  clubs: string[]
  /** Ids of rows that there are or were, by table. */
  ids: Record<TableName, string[]>
}

type Maker = (n: number, setting: Setting) => unknown

export interface TableSpec {
  scopeColumn: string | null
  scope(row: Row): string
  /** The columns that edits set. The first ones are those that cannot be null. */
  columns: Record<string, Maker>
  /** Columns that a rule computes from both sides. */
  computed: Record<string, 'union' | 'number' | 'deep'>
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
  },
  items: {
    scopeColumn: 'trip_id',
    scope: (row) => `trip:${String(row.trip_id)}`,
    columns: {
      trip_id: trip,
      name: (n) => (n === 9 ? 'bad' : `w${n}`),
      quantity: number,
      tags: (n) => ['a', 'b', 'c', 'd'].filter((_, bit) => (n >> bit) & 1),
      facts: (n) => ({ n, [`k${n % 3}`]: { n } }),
      secret: (n) => n % 3 === 0,
    },
    computed: { tags: 'union', quantity: 'number', facts: 'deep' },
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
  },
  docs: {
    scopeColumn: 'club_id',
    scope: (row) => `club:${String(row.club_id)}`,
    columns: { club_id: club, title: word, body: word, open: flag },
    computed: {},
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
  },
  notices: {
    scopeColumn: null,
    scope: () => 'public',
    columns: { text: word, published: (n) => n % 4 !== 0 },
    computed: {},
  },
}

export const tableNames = Object.keys(tables) as TableName[]

/** Users, two trips and a club, of which there are no rows yet. */
export const newSetting = (users: number): Setting => ({
  users: Array.from({ length: users }, () => randomUUID()),
  trips: [randomUUID(), randomUUID()],
  clubs: [randomUUID()],
  ids: Object.fromEntries(tableNames.map((name) => [name, [] as string[]])) as Setting['ids'],
})

export const keyOf = (table: string, id: unknown): string => `${table}/${String(id)}`

/** Rows, as `fuzz.look` and `fuzz.truth` answer. */
export type Looked = { table: string; row: Row }[]

export const byKey = (looked: Looked): Map<string, Row> =>
  new Map(looked.map(({ table, row }) => [keyOf(table, row.id), row]))

/** Equality of JSON values. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && same((a as Row)[key], (b as Row)[key]))
  )
}
