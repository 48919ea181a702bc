/** A copy of an object without the properties `names`. */
export function omit<T extends object, K extends keyof T>(object: T, ...names: K[]): Omit<T, K> {
  const rest = { ...object }
  for (const name of names) delete rest[name]
  return rest
}
