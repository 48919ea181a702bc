import type { Device } from './device.ts'
import { count, line } from './print.ts'

/** Names of rows by id, for people. */
export type Names = ReadonlyMap<string, string>

/** What a device calls its rows now. */
export async function namesOf({ sync }: Device): Promise<Map<string, string>> {
  const rows = [...(await sync.table('countries').list()), ...(await sync.table('cities').list())]
  return new Map(rows.map(({ id, name }) => [String(id), name]))
}

/** What became of a device's edits: merged, overruled, kept out, refused. */
export function tellOutcome({ name, news }: Device, names: Names): void {
  const lines: string[] = []
  const nameOf = (id: string): string => names.get(id) ?? id
  if (news.merged > 0) lines.push(`${count(news.merged, 'edits')} merged with the other device's`)
  for (const { id, lost, mine, row } of news.conflicts) {
    if (lost.length === 0) lines.push(`lost: the removal of ${nameOf(id)}, which was edited later`)
    for (const column of lost)
      lines.push(
        `lost: ${nameOf(id)}, ${column} ${text(mine?.[column])} to the later ${text(row?.[column])}`,
      )
  }
  for (const { id, data, error } of news.rejected)
    lines.push(`refused: ${String(data?.name ?? nameOf(id))}, ${error.code}: ${error.message}`)
  if (news.rejected.length > 0) lines.push('what was refused is kept in the queue, to be put right')
  line(name, lines.shift() ?? 'every edit taken as it was')
  for (const rest of lines) line('', rest)
}

const text = (value: unknown): string => JSON.stringify(value)
