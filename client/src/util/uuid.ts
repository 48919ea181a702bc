/** Makes ids of devices, and of rows that the app inserts without a key. */
export type NewId = () => string

let lastTime = 0
let counter = 0

/**
 * A UUID of version 7. Such ids sort by creation time: rows of a device are listed in the order of their
 * creation, and the server appends them at one end of its index.
 */
export const uuid: NewId = () => {
  const now = Date.now()
  if (now > lastTime) {
    lastTime = now
    counter = 0
  } else if (++counter > 0xfff) {
    // All 4,096 ids of this millisecond are used: take ids of the next one.
    lastTime++
    counter = 0
  }
  const random = crypto.getRandomValues(new Uint8Array(8))
  // The variant of RFC 9562 in the two highest bits.
  random[0] = (random[0]! & 0x3f) | 0x80
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  const text =
    hex(lastTime, 12) +
    hex(0x7000 | counter, 4) +
    Array.from(random, (byte) => hex(byte, 2)).join('')
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
