/** Makes the ids of devices and of rows that come without one. */
export type NewId = () => string

let lastTime = 0
let counter = 0

/**
 * A UUID of version 7: ordered by creation, so that rows made on a device list in the order in which
 * they were made and fill the server's index from one end.
 */
export const uuid: NewId = () => {
  const now = Date.now()
  if (now > lastTime) {
    lastTime = now
    counter = 0
  } else if (++counter > 0xfff) {
    // 4,096 ids in one millisecond: borrow the next one.
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
