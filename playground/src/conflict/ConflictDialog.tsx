import { useState } from 'react'
import type { Choice, OpenConflict, Row, Sync } from '../../../client/src/index.ts'
import { Dialog } from '../ui/Dialog.tsx'

const words = (value: unknown): string =>
  value === null || value === undefined || value === ''
    ? '(nothing)'
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value as string | number | boolean)

type Side = 'client' | 'server'

/** Both versions side by side; each field is picked by itself, and a suggestion is made. */
export function ConflictDialog({
  sync,
  conflict,
  onClose,
}: {
  sync: Sync
  conflict: OpenConflict
  onClose: () => void
}) {
  const { columns, client, server, base, analysis } = conflict
  const { suggested, confidence } = analysis
  const preferred: Side = 'take' in suggested ? suggested.take : analysis.temporal.newer
  const [picked, setPicked] = useState<Record<string, Side>>({})
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)

  async function decide(choice: Choice): Promise<void> {
    setBusy(true)
    try {
      await sync.conflicts.resolve(conflict.conflict_id, choice)
      onClose()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }

  const sideOf = (column: string): Side => picked[column] ?? preferred
  const chosen = (): Row =>
    Object.fromEntries(
      columns.map((column) => [column, (sideOf(column) === 'client' ? client : server)?.[column]]),
    )
  const apart = Math.round(Math.abs(analysis.temporal.seconds_apart))
  const suggestion =
    'row' in suggested
      ? `combine them: ${words(suggested.row)}`
      : suggested.take === 'client'
        ? 'take the waiting edit'
        : 'take what is stored'

  return (
    <Dialog title={`${words(server.name)}: which is right?`} onClose={onClose}>
      <p>
        Two devices changed the same {client ? columns.join(' and ') : 'row; one removed it'},{' '}
        {apart} s apart.
      </p>
      {client && (
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Before</th>
              <th scope="col">The waiting edit</th>
              <th scope="col">Stored now</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column) => (
              <tr key={column}>
                <th scope="row">{column}</th>
                <td>{base ? words(base[column]) : 'not known'}</td>
                {(['client', 'server'] as const).map((side) => (
                  <td key={side}>
                    <label>
                      <input
                        type="radio"
                        name={column}
                        checked={sideOf(column) === side}
                        onChange={() => setPicked({ ...picked, [column]: side })}
                      />{' '}
                      {words((side === 'client' ? client : server)[column])}
                    </label>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <p className="quiet">
        Suggested, {Math.round(confidence * 100)} % sure: {suggestion}.
      </p>
      {problem && <p role="alert">{problem}</p>}
      <div className="row">
        {client && (
          <button
            type="button"
            className="primary"
            disabled={busy}
            onClick={() => void decide({ row: chosen() })}
          >
            Use what is picked
          </button>
        )}
        <button type="button" disabled={busy} onClick={() => void decide('suggested')}>
          Do as suggested
        </button>
        <button type="button" disabled={busy} onClick={() => void decide('client')}>
          {client ? 'The waiting edit' : 'Remove it'}
        </button>
        <button type="button" disabled={busy} onClick={() => void decide('server')}>
          {client ? 'What is stored' : 'Keep it'}
        </button>
        {client && (
          <button type="button" disabled={busy} onClick={() => void decide('both')}>
            Keep both
          </button>
        )}
      </div>
    </Dialog>
  )
}
