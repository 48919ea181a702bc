import { parseArgs } from 'node:util'
import { StackError } from '../dev/errors.ts'
import type { StackInfo } from '../dev/stack.ts'
import { type ExampleStack, ownStack, runningStack } from './stack.ts'

const examples = ['contacts', 'reminders', 'progressive', 'anything', 'trips']

const usage = `npm run example -- <name>                       on a stack of its own
npm run example -- <name> --stack <stack.json>  on one that runs already

${examples.join(', ')}`

/** What a program in a folder of examples exports. */
interface Example {
  main(info: StackInfo): Promise<void>
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { stack: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
})
const [name = ''] = positionals
if (values.help || !examples.includes(name)) {
  console.log(usage)
  process.exit(values.help ? 0 : 1)
}

let stack: ExampleStack | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(
    signal,
    () => void (stack?.stop() ?? Promise.resolve()).then(() => process.exit(130)),
  )
}
try {
  const { main } = (await import(`./${name}/main.ts`)) as Example
  stack = await (values.stack ? runningStack(name, values.stack) : ownStack(name))
  await main(stack.info)
  await stack.stop()
  process.exit(0)
} catch (error) {
  console.error(error instanceof StackError ? `error: ${error.message}` : error)
  await stack?.stop()
  process.exit(1)
}
