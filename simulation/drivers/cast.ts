/** The drivers: raw calls of the database functions, and the real client through the gateway. */
export type DriverName = 'wire' | 'client'

/** Who takes part in a history. */
export interface Cast {
  users: number
  /** The user of each device. */
  devices: readonly number[]
}

export const casts: Record<DriverName, Cast> = {
  wire: { users: 3, devices: [0, 0, 1, 2] },
  client: { users: 4, devices: [0, 0, 1, 1, 2, 2, 3, 3] },
}

/** Names and users of a cast's devices, in order. */
export const devicesOf = ({ devices }: Cast, users: readonly string[]) =>
  devices.map((user, n) => ({
    name: `${'ABCD'[user]!}${devices.slice(0, n).filter((other) => other === user).length + 1}`,
    user: users[user]!,
  }))
