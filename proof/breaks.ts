import { breaks as engines } from '../fuzz/breaks.ts'

const shown = /after a sync \w+ (lacks|holds)/

const found: Record<string, RegExp> = {
  'twice applied': /adds up to|was applied twice|not edit|shows edit|cannot|not sent|overruled/,
  'silent leave': /holds .*, which its user may not see/,
  'silent join': shown,
  'silent move': shown,
  'silent purge': shown,
  'silent loss': /was not told|shows edit|overruled/,
  polling: shown,
}

/** Faults that the histories must find: SQL that puts one into a sound engine, and what they say of it. */
export const breaks = Object.fromEntries(
  Object.entries(found).map(([name, says]) => [name, { sql: engines[name]!.sql, found: says }]),
)
