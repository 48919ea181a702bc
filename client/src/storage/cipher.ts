import type { Cipher } from './encrypted.ts'

/** Bytes of the initialisation vector of AES-GCM. */
const IV_LENGTH = 12

const toBase64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

/**
 * A cipher of Web Crypto: AES-GCM with `key`, a new initialisation vector for each value, and the table and column
 * as additional data. The app makes and stores the key; a key that is not extractable can be stored in IndexedDB.
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
      const iv = crypto.getRandomValues(new Uint8Array(IV_LENGTH))
      const sealed = await crypto.subtle.encrypt(algorithm(iv, context), key, encoder.encode(text))
      const bytes = new Uint8Array(IV_LENGTH + sealed.byteLength)
      bytes.set(iv)
      bytes.set(new Uint8Array(sealed), IV_LENGTH)
      return toBase64(bytes)
    },
    async open(sealed, context) {
      const bytes = fromBase64(sealed)
      const text = await crypto.subtle.decrypt(
        algorithm(bytes.subarray(0, IV_LENGTH), context),
        key,
        bytes.subarray(IV_LENGTH),
      )
      return decoder.decode(text)
    },
  }
}
