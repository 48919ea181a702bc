import { StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createSync, type Table } from '../../src/index.ts'
import { useRow, useRows, useSyncStatus } from '../../src/integrations/react/index.ts'

interface Note {
  id: string
  body: string
  done: boolean
}

const sync = createSync({ tables: ['notes'] })
const notes = sync.table('notes') as unknown as Table<Note, Note, Partial<Note>>

function Notes() {
  const [done, setDone] = useState(false)
  const rows = useRows(notes, { done }, { order: 'body' })
  const first = useRow(notes, 'a')
  const { pending } = useSyncStatus(sync)
  return (
    <>
      <ul>
        {rows?.map(({ id, body }) => (
          <li key={id}>{body}</li>
        ))}
      </ul>
      <p id="first">{first === undefined ? 'unread' : first === null ? 'none' : first.body}</p>
      <p id="pending">{pending}</p>
      <button id="other" onClick={() => setDone(!done)}>
        others
      </button>
      <button id="add" onClick={() => void notes.insert({ id: 'a', body: 'milk', done: false })}>
        add
      </button>
      <button id="change" onClick={() => void notes.update('a', { body: 'oat milk' })}>
        change
      </button>
      <button id="finish" onClick={() => void notes.update('a', { done: true })}>
        finish
      </button>
      <button id="remove" onClick={() => void notes.remove('a')}>
        remove
      </button>
    </>
  )
}

function App() {
  const [shown, setShown] = useState(true)
  return (
    <>
      {shown && <Notes />}
      <button id="toggle" onClick={() => setShown(!shown)}>
        toggle
      </button>
    </>
  )
}

await notes.insert({ id: 'b', body: 'bread', done: false })
createRoot(document.body.appendChild(document.createElement('main'))).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
