import { NetworkError } from '../model/errors.ts'

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
      hint: 'Keep all files of the app where they are found offline.',
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

/** Functions, each of which answers by a promise, of something that is loaded and made when the first of them is called. */
export function later<T extends object, Name extends keyof T = keyof T>(
  load: () => Promise<T>,
  names: readonly Name[],
): Pick<T, Name> {
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
