/** Whether the app is active: visible to the user. */
export interface AppState {
  active(): boolean
  /** Calls `fn` when the state changes. Returns an unsubscribe function. */
  watch(fn: (active: boolean) => void): () => void
}

/** Active while the page is visible; always active without a page (Node, workers). */
export const browserAppState: AppState = {
  active: () => globalThis.document?.visibilityState !== 'hidden',
  watch(fn) {
    const { document } = globalThis as { document?: Document }
    if (!document) return () => {}
    const onChange = () => fn(document.visibilityState !== 'hidden')
    document.addEventListener('visibilitychange', onChange)
    return () => document.removeEventListener('visibilitychange', onChange)
  },
}
