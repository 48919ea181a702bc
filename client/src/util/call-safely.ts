/** Calls a function of the app. An error that it throws is printed and goes no further. */
export function callSafely<T>(name: string, call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    console.error(`tidemark: ${name} threw`, error)
    return undefined
  }
}
