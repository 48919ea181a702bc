/** What happens in a history, as it goes. */
export class Journal {
  /** A line an operation. */
  readonly trace: string[] = []
  /** How often what happened. */
  readonly counts = new Map<string, number>()

  note(text: string, ...counted: string[]): void {
    this.trace.push(text)
    for (const name of counted) this.count(name)
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}
