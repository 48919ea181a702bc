import { breaks as engines } from '../fuzz/breaks.ts'

/** Faults that the histories must find: SQL that puts one into a sound engine, and what they say of it. */
export const breaks: Record<string, { sql: string; found: RegExp }> = {
  'a repeated edit is applied again': {
    sql: engines['twice applied']!.sql,
    found: /adds up to|was applied twice|not edit|shows edit|cannot|not sent|overruled/,
  },
  'whoever leaves a scope is not told': {
    sql: engines['silent leave']!.sql,
    found: /holds .*, which its user may not see/,
  },
}
