/** Something the person at the keyboard can put right: printed without a stack trace. */
export class StackError extends Error {
  override name = 'StackError'
}
