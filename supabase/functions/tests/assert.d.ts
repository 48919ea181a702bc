/** The npm edition of Deno's std comes without types: those of the assertions in use. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void
export function assertMatch(actual: string, expected: RegExp, message?: string): void
export function assertRejects<E extends Error>(
  call: () => Promise<unknown>,
  type: new (...args: never[]) => E,
): Promise<E>
