import { styleText } from 'node:util'

/** For people on a terminal, or one json document for machines. */
export interface Output {
  readonly json: boolean
  /** A line for people; silent with `--json`. */
  line(text?: string): void
  /** The result for machines; silent without `--json`. */
  result(value: unknown): void
}

export function createOutput(json: boolean): Output {
  return {
    json,
    line: (text = '') => {
      if (!json) console.log(text)
    },
    result: (value) => {
      if (json) console.log(JSON.stringify(value, null, 2))
    },
  }
}

export const good = (text: string): string => styleText('green', text)
export const bad = (text: string): string => styleText('red', text)
export const warn = (text: string): string => styleText('yellow', text)
export const dim = (text: string): string => styleText('dim', text)
export const strong = (text: string): string => styleText('bold', text)
