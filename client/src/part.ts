import { NetworkError } from './errors.ts'

/**
 * A part of the client that few calls need and that is loaded when the first of them does:
 * `await part(import('./repair.ts'))`. Where it cannot be had a `NetworkError` (`not_loaded`) says so, and
 * nothing has been done.
 */
export function part<T>(loading: Promise<T>): Promise<T> {
  return loading.catch((cause: unknown) => {
    throw new NetworkError({
      code: 'not_loaded',
      message: 'A part of the client could not be loaded.',
      hint: 'Offline all files of the app have to be at hand.',
      cause,
    })
  })
}

/** The same for what is going to be needed: loading begins now, and once more where that has failed. */
export function soon<T>(load: () => Promise<T>): () => Promise<T> {
  const loading = load()
  loading.catch(() => {})
  return () => part(loading.catch(load))
}

/** Functions that all answer by a promise. */
type Later<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer A) => Promise<infer R>
    ? (...args: A) => Promise<R>
    : never
}

/** The functions of something that is loaded and made when the first of them is called. */
export function later<T extends Later<T>>(load: () => Promise<T>, names: readonly (keyof T)[]): T {
  let made: Promise<T> | undefined
  function make(): Promise<T> {
    made ??= part(load()).catch((error: unknown) => {
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
