import { useState } from 'react'
import { type Project, remember } from './project.ts'

/** Asks for the project, where the page is not served by a stack. */
export function Connect({ onConnect }: { onConnect: (project: Project) => void }) {
  const [url, setUrl] = useState('')
  const [key, setKey] = useState('')
  return (
    <form
      className="connect"
      onSubmit={(event) => {
        event.preventDefault()
        onConnect(remember({ url, key }))
      }}
    >
      <label>
        URL of the project
        <input
          type="url"
          required
          className="field"
          placeholder="https://….supabase.co"
          value={url}
          onChange={({ target }) => setUrl(target.value)}
        />
      </label>
      <label>
        Its publishable key
        <input
          required
          className="field"
          value={key}
          onChange={({ target }) => setKey(target.value)}
        />
      </label>
      <button type="submit" className="primary">
        Connect
      </button>
    </form>
  )
}
