import { useState } from 'react'
import { signInAs } from './people.ts'
import { type Project, remember } from './project.ts'

/** Asks for the project, where the page is not served by a stack or does not get into it by itself. */
export function Connect({
  project,
  onConnect,
}: {
  project?: Project
  onConnect: (project: Project) => void
}) {
  const [url, setUrl] = useState(project?.url ?? '')
  const [key, setKey] = useState(project?.key ?? '')
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  return (
    <form
      className="connect"
      onSubmit={(event) => {
        event.preventDefault()
        const chosen = remember({ url, key })
        if (email) signInAs(chosen, { email, password })
        onConnect(chosen)
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
      <p className="quiet">
        Accounts to play with are made up where the project lets anybody sign up. Elsewhere, sign in
        with one of yours; it is kept in this browser.
      </p>
      <label>
        E-mail address, if you have an account
        <input
          type="email"
          className="field"
          autoComplete="username"
          value={email}
          onChange={({ target }) => setEmail(target.value)}
        />
      </label>
      <label>
        Password
        <input
          type="password"
          className="field"
          autoComplete="current-password"
          required={email !== ''}
          value={password}
          onChange={({ target }) => setPassword(target.value)}
        />
      </label>
      <button type="submit" className="primary">
        Connect
      </button>
    </form>
  )
}
