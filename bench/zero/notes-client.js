import { Zero } from '@rocicorp/zero'
import { describeNotes } from './notes.js'

/** A page with the notes, which keeps them in IndexedDB; `told` hears what an app is told of. */
export function openNotes({ cacheURL, userID, auth, storageKey, names, told, ...options }) {
  const { schema, queries, mutators } = describeNotes(names)
  const zero = new Zero({
    cacheURL,
    userID,
    auth,
    storageKey,
    schema,
    mutators,
    context: { userID },
    // What it logs it also tells.
    logSink: { log() {} },
    ...options,
  })
  let rows = []
  let complete = false
  const view = zero.materialize(queries.notes())
  view.addListener((now, result) => {
    rows = now
    complete = result === 'complete'
  })
  const { state } = zero.connection
  let token = auth
  const unwatch = state.subscribe(({ name, reason }) => {
    if (name === 'error' || name === 'needs-auth') told(`${name}: ${JSON.stringify(reason)}`)
  })
  let open = true

  async function write(mutation) {
    const { client, server } = zero.mutate(mutation)
    const tell = ({ type, error }) => {
      if (open && type === 'error') told(error.message)
    }
    void server.then(tell)
    await client
  }

  return {
    /** `connecting`, `connected`, `disconnected`, `needs-auth` or `error`. */
    state: () => state.current.name,
    /** Whether the server has said that these are all rows. */
    isComplete: () => complete,
    rows: () => rows,
    /** What an app has to call where its token was refused, or a server had an error. */
    resume: () => zero.connection.connect({ auth: token }),
    insert: (note) => write(mutators.insert(note)),
    rename: (id, title) => write(mutators.rename({ id, title })),
    async close() {
      open = false
      unwatch()
      view.destroy()
      await zero.close()
    },
  }
}
