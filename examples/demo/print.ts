import { SingleBar } from 'cli-progress'

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export const count = (n: number, unit: string): string =>
  `${number.format(n)} ${n === 1 ? unit.replace(/ies$/, 'y').replace(/s$/, '') : unit}`

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`

/** How many rows went through in how long. */
export const speed = (rows: number, ms: number): string =>
  `${count(rows, 'rows')} in ${seconds(ms)}, ${number.format((1000 * rows) / ms)} rows/s`

const colours = process.stdout.isTTY && !process.env.NO_COLOR
const paint = (code: number) => (text: string) =>
  colours ? `\u001b[${code}m${text}\u001b[0m` : text
export const bold = paint(1)
export const dim = paint(2)
export const green = paint(32)
export const red = paint(31)

export function section(title: string): void {
  console.log(`\n${bold(title)}`)
}

/** A line in two columns: who, and what about them. */
export function line(who: string, what: string): void {
  console.log(`  ${who.padEnd(16)} ${what}`)
}

/** A progress bar on a terminal; nothing where the output goes to a file. */
export function progressBar(who: string): {
  update(done: number, total: number): void
  end(): void
} {
  const format = `  ${who.padEnd(16)} {bar} {percentage} % of {total} rows`
  const options = {
    format,
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stdout,
  }
  const bar = new SingleBar({ ...options, barCompleteChar: '█', barIncompleteChar: '░' })
  let begun = false
  return {
    update(done, total) {
      if (!process.stdout.isTTY) return
      if (!begun) bar.start(total, done)
      begun = true
      bar.update(done)
    },
    end() {
      if (begun) bar.stop()
    },
  }
}
