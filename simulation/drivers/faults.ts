import type { DriverName } from './cast.ts'

/** What happens to a request on its way, and which drivers play it. */
export const faults = {
  /** It never arrives. */
  'dropped before': ['wire', 'client'],
  /** It is carried out, and its answer gets lost. */
  'dropped after': ['wire', 'client'],
  /** It arrives twice, one after the other; the second answer comes back. */
  twice: ['wire', 'client'],
  /** It arrives twice at the same time; the answers come back in the other order. */
  'at once': ['wire', 'client'],
  /** Its answer comes back twice, and is taken in twice: a page only. */
  'answered twice': ['wire'],
  /** Its transaction is rolled back after it was carried out. */
  undone: ['wire'],
  /** Its transaction stays open, and its answer is not heard: a push only. */
  late: ['wire'],
  /** Its answer takes its time: what the device does meanwhile, and answers to another tab, come first. */
  'held back': ['client'],
  /** The token is refused. */
  'refused as 401': ['client'],
  /** Something in between answers a page of its own. */
  'captive portal': ['client'],
} as const satisfies Record<string, readonly DriverName[]>

export type Fault = keyof typeof faults

export const faultsOf = (driver: DriverName): Fault[] =>
  (Object.keys(faults) as Fault[]).filter((fault) =>
    (faults[fault] as readonly DriverName[]).includes(driver),
  )
