/** What went wrong and what to do about it, in words for a terminal. Exit code 1 unless said otherwise. */
export class CliError extends Error {
  override name = 'CliError'
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}
