import { readFile } from 'node:fs/promises'
import type { Sql } from 'postgres'

/** All that a database holds beside what Postgres brings: the properties of each object by its name. */
export type Catalogue = Map<string, Map<string, string>>

export async function readCatalogue(sql: Sql): Promise<Catalogue> {
  const query = await readFile(new URL('catalogue.sql', import.meta.url), 'utf8')
  const rows = await sql.unsafe<{ object: string; property: string; value: string }[]>(query)
  const catalogue: Catalogue = new Map()
  for (const { object, property, value } of rows) {
    const properties = catalogue.get(object) ?? new Map<string, string>()
    catalogue.set(object, properties.set(property, value))
  }
  return catalogue
}

/** What two databases do not have in common, one line each. The names say which one has it. */
export function compareCatalogues(
  [nameA, a]: [name: string, Catalogue],
  [nameB, b]: [name: string, Catalogue],
): string[] {
  const differences: string[] = []
  for (const object of union(a, b)) {
    const [inA, inB] = [a.get(object), b.get(object)]
    if (!inA || !inB) {
      differences.push(`${object}: only in ${inA ? nameA : nameB}`)
      continue
    }
    for (const property of union(inA, inB)) {
      const [valueA, valueB] = [inA.get(property), inB.get(property)]
      if (valueA === valueB) continue
      const [partA, partB] = firstDifference(valueA, valueB)
      differences.push(`${object}: ${property}: ${partA} in ${nameA}, ${partB} in ${nameB}`)
    }
  }
  return differences
}

function union(a: Map<string, unknown>, b: Map<string, unknown>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort()
}

/** The first line in which two texts differ, as each of them has it. */
function firstDifference(a: string | undefined, b: string | undefined): [string, string] {
  const [linesA, linesB] = [a?.split('\n') ?? [], b?.split('\n') ?? []]
  const at = linesA.findIndex((line, n) => line !== linesB[n])
  const n = at < 0 ? linesA.length : at
  return [show(linesA[n]), show(linesB[n])]
}

function show(line: string | undefined): string {
  return line === undefined ? 'nothing' : `"${line.trim()}"`
}
