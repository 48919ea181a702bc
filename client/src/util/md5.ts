/** The shifts of each round, and the table of sines, as in RFC 1321. */
const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.abs(Math.sin(i + 1)) * 2 ** 32)

const utf8 = new TextEncoder()

/**
 * MD5 of a text, as 32 hexadecimal digits. The database computes the checksums of `verify` with MD5, its only
 * built-in hash, and browsers do not offer MD5. It is not used for security.
 */
export function md5(text: string): string {
  const bytes = utf8.encode(text)
  const words = new Int32Array((((bytes.length + 8) >> 6) + 1) * 16)
  for (const [i, byte] of bytes.entries()) words[i >> 2]! |= byte << ((i & 3) * 8)
  words[bytes.length >> 2]! |= 0x80 << ((bytes.length & 3) * 8)
  words[words.length - 2] = bytes.length * 8
  words[words.length - 1] = Math.floor(bytes.length / 2 ** 29)

  let [a, b, c, d] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476]
  for (let block = 0; block < words.length; block += 16) {
    const before = [a, b, c, d] as const
    for (let i = 0; i < 64; i++) {
      const round = i >> 4
      const [mixed, word] =
        round === 0
          ? [(b & c) | (~b & d), i]
          : round === 1
            ? [(d & b) | (~d & c), (5 * i + 1) & 15]
            : round === 2
              ? [b ^ c ^ d, (3 * i + 5) & 15]
              : [c ^ (b | ~d), (7 * i) & 15]
      const sum = (a + mixed + SINES[i]! + words[block + word]!) | 0
      const shift = SHIFTS[round]![i & 3]!
      ;[a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0]
    }
    a = (a + before[0]) | 0
    b = (b + before[1]) | 0
    c = (c + before[2]) | 0
    d = (d + before[3]) | 0
  }
  return [a, b, c, d].map(hex).join('')
}

/** A 32-bit word as 8 hexadecimal digits, lowest byte first. */
function hex(word: number): string {
  let text = ''
  for (let shift = 0; shift < 32; shift += 8)
    text += ((word >>> shift) & 0xff).toString(16).padStart(2, '0')
  return text
}
