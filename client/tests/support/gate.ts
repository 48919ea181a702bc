/** A fetch that can hold an answer back: the server has done its part, and the device does not know yet. */
export function gatedFetch() {
  let gate: { path: string; arrive: () => void; opened: Promise<void> } | undefined

  async function gated(...request: Parameters<typeof fetch>): Promise<Response> {
    const answer = await fetch(...request)
    if (!gate || !new URL(String(request[0])).pathname.endsWith(gate.path)) return answer
    const { arrive, opened } = gate
    gate = undefined
    arrive()
    await opened
    return answer
  }

  return {
    fetch: gated as typeof fetch,
    /** Holds back the answer to the next request whose path ends so, from when it is `there` until it is let go. */
    hold(path: string): { there: Promise<void>; letGo: () => void } {
      let letGo = (): void => {}
      const opened = new Promise<void>((resolve) => (letGo = resolve))
      const there = new Promise<void>((arrive) => (gate = { path, arrive, opened }))
      return { there, letGo }
    },
  }
}
