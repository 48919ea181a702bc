import type { Note } from '../device/story.ts'
import type { RowWaiting } from '../device/waiting.ts'

const words: Record<RowWaiting['state'], string> = {
  synced: '',
  waiting: 'not sent yet',
  refused: 'refused',
}

/** How a row stands with the server: what waits, else what happened to it last. */
export function RowState({
  state,
  notes,
  table,
  id,
}: {
  state: RowWaiting['state']
  notes: readonly Note[]
  table: string
  id: string
}) {
  const latest = notes.find((note) => note.table === table && note.id === id)
  const kind = state === 'synced' ? latest?.kind : state
  if (!kind) return null
  return (
    <span className="badge" data-kind={kind} title={latest?.text}>
      {state === 'synced' ? kind : words[state]}
    </span>
  )
}
