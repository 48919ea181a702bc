/** Every code that `error:` is followed by; docs/errors.md says what to do about each. */
export const CLI_CODES = [
  'usage',
  'bad_argument',
  'bad_file',
  'no_file',
  'no_project',
  'no_database',
  'stack_failed',
  'stack_not_installed',
  'supabase_failed',
  'stopped',
] as const
export type CliCode = (typeof CLI_CODES)[number]

/** What went wrong and what to do about it, in words for a terminal. Exit code 1 unless said otherwise. */
export class CliError extends Error {
  override name = 'CliError'
  readonly code: CliCode
  readonly exitCode: number

  constructor(code: CliCode, message: string, exitCode = 1) {
    super(message)
    this.code = code
    this.exitCode = exitCode
  }
}
