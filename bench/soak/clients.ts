import { setTimeout } from 'node:timers/promises'
import type { Device } from '../../client/tests/support/project.ts'
import { device } from '../../client/tests/support/project.ts'
import { createUser } from '../../dev/testing.ts'

// A process of its own: some devices of one user that edit, insert and delete without end, and hold as
// many rows at the end as at the beginning.

const [table = '', count = '4'] = process.argv.slice(2)
const ROWS = 200
const user = await createUser()
const devices = await Promise.all(
  Array.from({ length: Number(count) }, () =>
    device(user, [table], { mode: 'periodic', interval: 250 }),
  ),
)
let edits = 0
let syncs = 0
let errors = 0
let over = false
const writers = devices.map(async ({ rows, sync, faults }: Device, place) => {
  sync.on('sync_error', () => void errors++)
  sync.on('sync_completed', () => {
    syncs++
    // What tests look at would grow with every request.
    for (const list of [faults.paths, faults.bodies, faults.sizes]) list.length = 0
  })
  sync.start()
  const mine: string[] = []
  for (let n = 0; !over; n++) {
    const oldest = mine.length >= ROWS && n % 3 === 0 ? mine.shift() : undefined
    if (oldest !== undefined) await rows.remove(oldest)
    else if (mine.length < ROWS) mine.push((await rows.insert({ name: `device ${place}`, n })).id)
    else await rows.update(mine[n % mine.length]!, { n, phone: String(n) })
    edits++
    await setTimeout(25)
  }
  sync.stop()
  await sync.sync()
})
process.send!('ready')
// Whoever started this may be gone, and with them the stack.
process.once('disconnect', () => process.exit())
process.once('message', () => (over = true))
await Promise.all(writers)
for (const { sync } of devices) await sync.sync()
const held = await Promise.all(devices.map(async ({ rows }) => (await rows.list()).length))
process.send!({ edits, syncs, errors, held })
process.disconnect()
