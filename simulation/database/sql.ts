import postgres from 'postgres'

/** The statements as the API runs them for a signed-in user, until `asOwner` or the transaction's end. */
export const as = (user: string): string =>
  `set local role authenticated; set local request.jwt.claims = '{"sub":"${user}","role":"authenticated"}'; `

export const asOwner = `reset role; set local request.jwt.claims = ''; `

/** A value as an SQL literal; objects and arrays as json. */
export function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value as string | number)
  return `'${text.replaceAll("'", "''")}'`
}

/** An array literal of plain words. */
export const words = (list: readonly string[]): string =>
  literal(`{${list.map((word) => `"${word}"`).join(',')}}`)

/** A value of a column: arrays are of words. */
export const columnValue = (value: unknown): string =>
  Array.isArray(value) ? words(value as string[]) : literal(value)

/** Whether a call failed only because another transaction held what it needed: it can be tried again. */
export const isBlocked = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && ['55P03', '40P01'].includes(error.code)

/** Whether the app's own constraints refuse a statement. */
export const isRefused = (error: unknown): error is postgres.PostgresError =>
  error instanceof postgres.PostgresError && error.code.startsWith('23')
