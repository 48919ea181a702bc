/** Whether somebody is looking at the app. */
export interface AppState {
  active(): boolean
  /** Calls `fn` when that changes. Returns what ends it. */
  watch(fn: (active: boolean) => void): () => void
}

/** Whether the page is visible; without a page (Node, workers) always active. */
export const browserAppState: AppState = {
  active: () => globalThis.document?.visibilityState !== 'hidden',
  watch(fn) {
    const { document } = globalThis as { document?: Document }
    if (!document) return () => {}
    const tell = () => fn(document.visibilityState !== 'hidden')
    document.addEventListener('visibilitychange', tell)
    return () => document.removeEventListener('visibilitychange', tell)
  },
}
