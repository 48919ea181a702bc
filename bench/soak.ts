import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { machine } from './machine.ts'
import { progress } from './progress.ts'
import { soak, type SoakOptions } from './soak/index.ts'
import { megabytes, soakRows, soakSummary } from './soak/report.ts'
import { textTable } from './table.ts'

const usage = `npm run soak                       ten minutes of steady load, memory printed on the way
npm run soak -- --minutes 60       longer, which shows slower leaks
npm run soak -- --devices 8        more clients, 4 by default
npm run soak -- --results <dir>    where soak.json goes, bench/results by default

Heaps are measured after a forced garbage collection. Fails where a size is still rising in the last
third, or a device does not end with the rows of the database.`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    devices: { type: 'string', default: '4' },
    results: { type: 'string', default: join(import.meta.dirname, 'results') },
    help: { type: 'boolean', short: 'h' },
  },
})
const [seconds, devices] = [Number(values.minutes) * 60, Number(values.devices)]
if (values.help || !(seconds > 0) || !(devices > 0)) {
  console.log(usage)
  process.exit(values.help ? 0 : 1)
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

progress('starting a stack')
let printed = -1
const onSample: SoakOptions['onSample'] = (at, sizes) => {
  const tenth = Math.floor((at / seconds) * 10)
  if (tenth > printed) {
    progress('')
    if (printed < 0) console.log(['MB after', ...sizes.map(({ name }) => name)].join('  '))
    const cells = sizes.map(({ name, bytes }) => megabytes(bytes).padStart(name.length))
    console.log([`${Math.round(at)} s`.padStart(8), ...cells].join('  '))
    printed = tenth
  }
  // Elsewhere the lines above say as much.
  if (process.stderr.isTTY) progress(`${Math.round(at)} of ${seconds} s`, at / seconds)
}
const result = await soak({ seconds, devices, signal: stop.signal, onSample }).catch(
  (error: unknown) => {
    if (!stop.signal.aborted) throw error
    process.exit(130)
  },
)
progress('')
console.log(`\n${soakSummary(result)}\n\n${textTable(soakRows(result))}`)

const folder = resolve(values.results)
await mkdir(folder, { recursive: true })
const json = { ...machine(), results: [], figures: result }
await writeFile(join(folder, 'soak.json'), `${JSON.stringify(json, null, 2)}\n`)
const rising = result.series.some(({ verdict }) => verdict === 'still rising')
process.exit(rising || result.held.some((rows) => rows !== result.rows) ? 1 : 0)
