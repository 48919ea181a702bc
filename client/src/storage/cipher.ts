import type { Cipher } from './encrypted.ts'

/** Bytes of the number that is used once, as AES-GCM wants it. */
const IV = 12

const toBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

/**
 * A cipher of the platform's own Web Crypto: AES-GCM under `key`, with a new random number for each value, bound
 * to its table and column. Where the key comes from, and where it is kept, is the app's to decide; one that cannot be
 * extracted can be kept in IndexedDB.
 *
 * ```ts
 * const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
 * ```
 */
export function aesCipher(key: CryptoKey): Cipher {
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const algorithm = (iv: Uint8Array<ArrayBuffer>, context: string): AesGcmParams => ({
    name: 'AES-GCM',
    iv,
    additionalData: encoder.encode(context),
  })
  return {
    async seal(text, context) {
      const iv = crypto.getRandomValues(new Uint8Array(IV))
      const sealed = await crypto.subtle.encrypt(algorithm(iv, context), key, encoder.encode(text))
      const bytes = new Uint8Array(IV + sealed.byteLength)
      bytes.set(iv)
      bytes.set(new Uint8Array(sealed), IV)
      return toBase64(bytes)
    },
    async open(sealed, context) {
      const bytes = fromBase64(sealed)
      const text = await crypto.subtle.decrypt(
        algorithm(bytes.subarray(0, IV), context),
        key,
        bytes.subarray(IV),
      )
      return decoder.decode(text)
    },
  }
}
