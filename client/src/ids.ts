/** Makes the ids of devices and of rows that come without one. */
export type NewId = () => string

let lastTime = 0
let counter = 0

/**
 * A UUID of version 7: ordered by creation, so that rows made on a device list in the order in which
 * they were made and fill the server's index from one end.
 */
export const uuid: NewId = () => {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const now = Date.now()
  if (now > lastTime) {
    lastTime = now
    counter = 0
  } else if (++counter > 0xfff) {
    // 4,096 ids in one millisecond: borrow the next one.
    lastTime++
    counter = 0
  }
  const view = new DataView(bytes.buffer)
  view.setUint16(0, Math.floor(lastTime / 2 ** 32))
  view.setUint32(2, lastTime % 2 ** 32)
  view.setUint16(6, 0x7000 | counter)
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80)
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
