import { Zero } from '@rocicorp/zero'
import { mutators, queries, schema } from './schema.js'

/** One device, in memory. */
export function open({ cacheURL, userID, auth }) {
  const zero = new Zero({
    cacheURL,
    userID,
    auth,
    schema,
    mutators,
    context: { userID },
    kvStore: 'mem',
    storageKey: crypto.randomUUID(),
    logLevel: 'error',
  })
  return {
    /** Resolves to the number of rows once the server says that these are all. */
    download: async () => (await zero.run(queries.contacts(), { type: 'complete' })).length,
    /** Calls back with the rows once all are here, and at every change. */
    watch(listener) {
      const view = zero.materialize(queries.contacts())
      view.addListener((rows, result) => {
        if (result === 'complete') listener(rows)
      })
      return () => view.destroy()
    },
    /** Resolves once the server has taken it. */
    async insert(row) {
      const { type, error } = await zero.mutate(mutators.insert(row)).server
      if (type === 'error') throw new Error(error.message)
    },
    close: () => zero.close(),
  }
}
