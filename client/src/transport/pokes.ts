/** Pokes: messages without content by which the server says that rows of this user have changed. */
export interface Pokes {
  /** Calls `fn` at each poke. Returns an unsubscribe function. */
  watch(fn: () => void): () => void
  /** Called after each sync, which may have brought new scopes to listen for. */
  refresh?(): void
}
