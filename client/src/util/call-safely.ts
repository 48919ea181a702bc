/** Calls what the app has given. What that throws is printed, and harms nobody else. */
export function callSafely<T>(name: string, call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    console.error(`tidemark: ${name} threw`, error)
    return undefined
  }
}
