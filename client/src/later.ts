/** Functions that all answer by a promise. */
type Later<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer A) => Promise<infer R>
    ? (...args: A) => Promise<R>
    : never
}

/**
 * The functions of something that is loaded and made when the first of them is called. For parts that
 * talk to the server and that many apps never use: those apps need not load them.
 */
export function later<T extends Later<T>>(load: () => Promise<T>, names: readonly (keyof T)[]): T {
  let made: Promise<T> | undefined
  function make(): Promise<T> {
    made ??= load().catch((error: unknown) => {
      // No network: the next call loads again.
      made = undefined
      throw error
    })
    return made
  }
  const functions = names.map((name) => [
    name,
    async (...args: never[]) => ((await make())[name] as (...args: never[]) => unknown)(...args),
  ])
  return Object.fromEntries(functions) as T
}
