/** Rows of examples/playground/schema.sql, as the page uses them. */
export interface Contact {
  id: string
  name: string
  phone: string | null
  tags: string[]
  notes: string
  visits: number
}
export interface Trip {
  id: string
  owner_id: string
  owner_name: string
  name: string
}
export interface Member {
  id: string
  trip_id: string
  user_id: string
  name: string
}
export interface Item {
  id: string
  trip_id: string
  name: string
  quantity: number
  packed: boolean
}

export const TABLES = {
  contacts: 'playground.contacts',
  trips: 'playground.trips',
  members: 'playground.trip_members',
  packing: 'playground.packing',
} as const

/** What decides where two devices change the same column, in words. */
const rules: Record<string, Record<string, string>> = {
  [TABLES.contacts]: {
    tags: 'tags of both devices are united',
    visits: 'what each device counted is added up',
    phone: 'the later edit wins',
    name: 'a person decides',
    notes: 'a person decides',
  },
  [TABLES.packing]: { quantity: 'the greater number wins' },
}

export const ruleOf = (table: string, column: string): string =>
  rules[table]?.[column] ?? 'the later edit wins'
