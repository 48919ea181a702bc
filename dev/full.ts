import { appendFileSync } from 'node:fs'

/** Whether tests play all that they have (`npm run test:full`). `npm test` plays as much as fits its time. */
export const full = process.env.TIDEMARK_FULL === '1'

/** Says what a test leaves out, e.g. `1,600 of 2,000 histories`: the test command prints it at its end. */
export function leaveOut(note: string): void {
  const file = process.env.TIDEMARK_LEFT_OUT
  if (file) appendFileSync(file, `${note}\n`)
  else console.log(`left out: ${note}`)
}

/** How many of `all` a test plays: all of them in full, else `some`. `what` names them in the plural. */
export function countToPlay(all: number, some: number, what: string): number {
  if (full) return all
  leaveOut(`${all - some} of ${all} ${what}`)
  return some
}
