import { useState } from 'react'
import type { QueueItem, Row, Sync } from '../../../client/src/index.ts'
import { useRead, useStatus } from '../use.ts'
import { whyNot } from './why.ts'

/** So many edits are listed; more only slow the page down. */
const SHOWN = 50

/** The edits that the server has not taken, each with its content, its fate and the reason. */
export function Queue({ sync }: { sync: Sync }) {
  const items = useRead<QueueItem[]>(
    sync,
    ['change', 'status', 'rejected'],
    () => sync.queue.list(),
    [],
  )
  // Edits of refused ones change no row, so that nobody tells of them.
  const [, setChanged] = useState(0)
  const changed = (): void => setChanged((changed) => changed + 1)
  return (
    <section className="panel" aria-label="Queue">
      <h3>
        Queue <small>{items.length.toLocaleString('en')}</small>
      </h3>
      {items.length === 0 && <p className="quiet">Everything is on the server.</p>}
      <ul>
        {items.slice(0, SHOWN).map((item) => (
          <li key={`${item.status} ${item.seq}`}>
            <OneEdit sync={sync} item={item} onChange={changed} />
          </li>
        ))}
      </ul>
      {items.length > SHOWN && (
        <p className="quiet">and {(items.length - SHOWN).toLocaleString('en')} more</p>
      )}
    </section>
  )
}

function OneEdit({ sync, item, onChange }: { sync: Sync; item: QueueItem; onChange: () => void }) {
  const status = useStatus(sync)
  const { seq, op, table, data, attempts, error } = item
  const [open, setOpen] = useState(false)
  const failed = item.status === 'failed'
  const name = typeof data?.name === 'string' ? data.name : item.id.slice(0, 8)
  return (
    <article className="card" data-state={failed ? 'refused' : 'waiting'}>
      <div className="row">
        <strong>
          {seq} · {op} {table.split('.').at(-1)} {name}
        </strong>
        <span className="badge" data-kind={failed ? 'refused' : 'waiting'}>
          {item.status}
        </span>
      </div>
      <p className="quiet">
        {attempts} attempts{error && `, ${error.code}: ${error.message}`}
      </p>
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        Why is it not on the server?
      </button>
      {open && <p>{whyNot(item, status)}</p>}
      {failed && data ? (
        <Repair sync={sync} seq={seq} data={data} onChange={onChange} />
      ) : (
        data && <pre tabIndex={0}>{JSON.stringify(data, null, 1)}</pre>
      )}
      {failed && (
        <button type="button" onClick={() => void sync.queue.clearFailed([seq])}>
          Discard
        </button>
      )}
    </article>
  )
}

/** The content of a refused edit, to be put right and sent again. */
function Repair({
  sync,
  seq,
  data,
  onChange,
}: {
  sync: Sync
  seq: number
  data: Row
  onChange: () => void
}) {
  const [text, setText] = useState(() => JSON.stringify(data, null, 1))
  const [problem, setProblem] = useState<string>()
  async function retry(): Promise<void> {
    try {
      await sync.queue.editFailed(seq, JSON.parse(text) as Row)
      await sync.queue.retryFailed([seq])
      setProblem(undefined)
      onChange()
      await sync.sync().catch(() => {})
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }
  return (
    <>
      <textarea
        aria-label={`Content of edit ${seq}`}
        rows={Math.min(8, text.split('\n').length)}
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      {problem && <p role="alert">{problem}</p>}
      <button type="button" className="primary" onClick={() => void retry()}>
        Change and retry
      </button>
    </>
  )
}
