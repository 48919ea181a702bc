import { fileURLToPath } from 'node:url'
import { spawnFunctions } from '../dev/functions/process.ts'
import { freePort } from '../dev/ports.ts'
import { stopProcess } from '../dev/processes.ts'
import { stack, type TestUser } from '../dev/testing.ts'
import { createTables, fill, newContacts } from './contacts.ts'
import { compare, median, single, timed } from './measure.ts'
import { device } from './request.ts'
import type { Bench, Subject } from './subject.ts'

const runs = 50
const folder = fileURLToPath(new URL('../supabase/functions', import.meta.url))

/** What the edge functions cost: when they have just started, and when they run. */
export const functions: Subject = { name: 'functions', serves: 'api', run }

async function run(bench: Bench) {
  const { sql } = bench
  await createTables(sql)
  const user = await bench.createUser()
  await fill(sql, user.id, 'contacts', newContacts(user.id, 1_000))
  const phone = device(sql, user.id)
  const cursor = await phone.upToDate()
  const pull = { device_id: phone.id, cursor }
  const { functions_url } = stack()

  const colds: number[] = []
  for (let round = 1; round <= bench.rounds; round++) {
    bench.progress(`cold, round ${round} of ${bench.rounds}`)
    colds.push(await cold(user, pull))
  }

  const sum = async (once: () => Promise<unknown>) => {
    let total = 0
    for (let i = 0; i < runs; i++) total += await timed(once)
    return total
  }
  const rpc = async (name: string, args: object) => {
    const { error } = await user.client.rpc(name, args)
    if (error) throw error
  }
  const warm = await compare(bench, {
    subject: 'functions',
    measure: 'a pull with nothing new by the function, against the same by rpc',
    raw: () => sum(() => rpc('sync_pull', pull)),
    ours: () => sum(() => call(`${functions_url}/sync-pull`, user, pull)),
    runs,
    as: 'cost',
  })

  const [one, other] = [device(sql, user.id), device(sql, user.id)]
  const edit = (from: typeof one): object => {
    const [data] = newContacts(user.id, 1)
    const put = { table: 'contacts', op: 'put', id: data!.id, base: null, data }
    return { device_id: from.id, mutations: JSON.parse(from.mutations([put])) as unknown }
  }
  const both = await compare(bench, {
    subject: 'functions',
    measure: 'an edit and a pull by sync, against push and pull by rpc',
    raw: () =>
      sum(async () => {
        await rpc('sync_push', edit(one))
        await rpc('sync_pull', { device_id: one.id, cursor })
      }),
    ours: () => sum(() => call(`${functions_url}/sync`, user, { ...edit(other), cursor })),
    runs,
    as: 'cost',
  })
  return [
    single({
      subject: 'functions',
      measure: 'cold: from the start of the runtime to the answer of a first pull',
      unit: 'ms',
      ours: median(colds),
    }),
    warm,
    both,
  ]
}

/** Milliseconds of a first call, the start of a runtime of its own included. */
async function cold(user: TestUser, body: object): Promise<number> {
  const port = await freePort()
  let child: Awaited<ReturnType<typeof spawnFunctions>>['process'] | undefined
  try {
    return await timed(async () => {
      const started = await spawnFunctions({
        folder,
        port,
        info: stack(),
        watch: false,
        log: () => {},
      })
      child = started.process
      await started.ready
      await call(`http://127.0.0.1:${port}/functions/v1/sync-pull`, user, body)
    })
  } finally {
    if (child) await stopProcess(child, 'SIGTERM')
  }
}

async function call(url: string, { accessToken }: TestUser, body: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${accessToken}`,
      apikey: stack().publishable_key,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text}`)
  if (/"status":"(rejected|conflict)"/.test(text)) throw new Error(`an edit was answered ${text}`)
}
