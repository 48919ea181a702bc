/** A line in two columns: who, and what about them. */
export function say(who: string, what: string): void {
  console.log(`${who.padEnd(9)} ${what}`)
}
