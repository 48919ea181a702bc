import './experimental.ts'
import type { GatewayOptions } from './options.ts'
import { startGateway } from './server.ts'

// Alone in its process, so that neither its work nor its log mixes with those of whoever starts a stack.
process.once('message', (options: GatewayOptions) => {
  startGateway(options).then(
    () => process.send!('ready'),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
// The stack is gone, however it came to its end.
process.once('disconnect', () => process.exit(0))
