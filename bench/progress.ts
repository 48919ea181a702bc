/**
 * One line on stderr that is written over where there is a terminal, and cleared by an empty label.
 *
 * @param done share of the work that is behind, 0 to 1, where that is known: shown as a bar
 */
export function progress(label: string, done?: number): void {
  const bar = done === undefined ? '' : `${'█'.repeat(Math.round(done * 20)).padEnd(20, '░')} `
  const text = `${bar}${label}`
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text.slice(0, process.stderr.columns)}`)
  else if (text) process.stderr.write(`${text}\n`)
}
