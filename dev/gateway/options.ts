import type { Keys } from '../keys.ts'
import type { PageOptions } from './page.ts'

export interface GatewayOptions {
  port: number
  dbPort: number
  /** Where the functions listen. Absent when the stack serves none. */
  functionsPort?: number | undefined
  /** Where Storage keeps its objects. */
  objectsDir: string
  /** Served at `/`. Absent: nothing is. */
  page?: PageOptions | undefined
  keys: Keys
}
