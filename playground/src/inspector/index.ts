export { Inspector } from './Inspector.tsx'
export { watchTransport } from './watch.ts'
export type { Exchange, Portion, Standing, Wire } from './watch.ts'
