import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { megabytes, PARTS, soak } from './soak/index.ts'

const usage = `npm run soak                       ten minutes of steady load, memory printed on the way
npm run soak -- --minutes 60       longer
npm run soak -- --devices 8        more clients, 4 by default
npm run soak -- --json <file>      where the result goes, bench/results/soak.json by default

Fails where a part of it goes on growing.`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    devices: { type: 'string', default: '4' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
const [minutes, devices] = [Number(values.minutes), Number(values.devices)]
if (values.help || !(minutes > 0) || !(devices > 0)) {
  console.log(usage)
  process.exit(values.help ? 0 : 1)
}

const result = await soak(minutes * 60, devices, console.log)
console.log(
  `\n${result.edits} edits, ${result.syncs} syncs, ${result.errors} errors, ${result.rows} rows`,
)
console.log('MB          start   half    end   most')
for (const part of PARTS) {
  const { start, half, end, most, growsSteadily } = result.memory[part]
  const sizes = [start, half, end, most].map((bytes) => megabytes(bytes).padStart(6)).join(' ')
  console.log(`${part.padEnd(10)} ${sizes}${growsSteadily ? '   goes on growing' : ''}`)
}
const file = resolve(values.json ?? fileURLToPath(new URL('results/soak.json', import.meta.url)))
await mkdir(dirname(file), { recursive: true })
await writeFile(file, `${JSON.stringify({ at: new Date().toISOString(), ...result }, null, 2)}\n`)
process.exit(PARTS.some((part) => result.memory[part].growsSteadily) ? 1 : 0)
