/** Columns and their TypeScript types, by table. */
export type RowTypes = Map<string, Map<string, string>>

/**
 * The row types of a file that `supabase gen types` has made, formatted by whatever formatter. Keys are
 * table names, with the schema before those outside of `public`.
 */
export function rowTypesOf(source: string): RowTypes {
  const tables: RowTypes = new Map()
  const schemas = [...source.matchAll(/(["'\w$]+): \{\s*Tables: \{/g)]
  for (const { index, 1: name, 2: body } of source.matchAll(
    /(["'\w$ ]+): \{\s*Row: \{([^}]*)\}/g,
  )) {
    const schema = unquoted(schemas.findLast((one) => one.index < index)?.[1] ?? 'public')
    const table = unquoted(name!.trim())
    tables.set(schema === 'public' ? table : `${schema}.${table}`, columnsOf(body!))
  }
  return tables
}

function columnsOf(body: string): Map<string, string> {
  const columns = new Map<string, string>()
  let last: string | undefined
  for (const line of body.split(/[;,\n]/)) {
    const [, name, type] = /^\s*(["'][^"']+["']|[\w$]+): *(.*)$/.exec(line) ?? []
    if (name) last = unquoted(name)
    // A type that a formatter has broken into lines goes on here.
    if (last !== undefined) columns.set(last, plain((columns.get(last) ?? '') + (type ?? line)))
  }
  return columns
}

const unquoted = (name: string): string => name.replace(/^["']|["']$/g, '')
const plain = (type: string): string =>
  type.replace(/\s+/g, '').replaceAll("'", '"').replace(/^\|/, '')

/** A column that the database has otherwise; undefined where one side lacks it, or the whole table. */
export interface Difference {
  table: string
  column?: string
  file?: string
  database?: string
}

/** What of `file` no longer is as in the database. Tables that the file does not have are not asked for. */
export function differences(file: RowTypes, database: RowTypes): Difference[] {
  return [...file].flatMap(([table, written]): Difference[] => {
    const there = database.get(table)
    if (!there) return [{ table }]
    return [...new Set([...written.keys(), ...there.keys()])].flatMap((column) => {
      const [before, now] = [written.get(column), there.get(column)]
      if (before === now) return []
      return [{ table, column, ...(before && { file: before }), ...(now && { database: now }) }]
    })
  })
}
