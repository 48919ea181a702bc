/** Word from the server that there is news for this user, without content. */
export interface Pokes {
  /** Calls `fn` at each. Returns what ends it. */
  watch(fn: () => void): () => void
  /** Called after each sync: there may be more to listen for. */
  refresh?(): void
}
