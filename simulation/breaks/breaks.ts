import type { DriverName } from '../drivers/cast.ts'
import type { Break } from './break.ts'
import { clients } from './clients.ts'
import { engines } from './engines.ts'

/** All faults on purpose, by name. */
export const breaks: Record<string, Break> = { ...engines, ...clients }

/** Names of those that a driver must find. */
export const breaksFor = (driver: DriverName): string[] =>
  Object.keys(breaks).filter((name) => breaks[name]!.found[driver])
