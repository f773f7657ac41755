/** What a backend offers to the protocols above it. Two exist: `node.ts` (node:crypto) and `web.ts` (WebCrypto, sender only). */
import type { Bytes } from '../bytes.ts'
import type { Aead, Kdf, Kem, SymmetricSuite } from './suites.ts'

export type Awaitable<T> = T | Promise<T>

/** RFC 9180 §5.2 and §5.3. Each `seal` takes the next sequence number, in the order of the calls. */
export type SenderContext = {
  readonly enc: Bytes
  seal(aad: Uint8Array, plaintext: Uint8Array): Awaitable<Bytes>
  export(context: Uint8Array, length: number): Awaitable<Bytes>
}

/** The receiver's half. `open` refuses with `cannot-open` and then keeps its sequence number. */
export type ReceiverContext = {
  open(aad: Uint8Array, ciphertext: Uint8Array): Bytes
  export(context: Uint8Array, length: number): Bytes
}

/** RFC 5869, as HPKE uses it inside and RFC 9458 §4.4 outside. */
export type Hkdf = {
  extract(kdf: Kdf, salt: Uint8Array, ikm: Uint8Array): Bytes
  expand(kdf: Kdf, prk: Uint8Array, info: Uint8Array, length: number): Bytes
}

export type AeadOpen = (
  aead: Aead,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  ciphertext: Uint8Array,
) => Awaitable<Bytes>

/** The client's backend. A public key that its KEM refuses is `unusable-key`; what does not open is `cannot-open`. */
export type ClientHpke = Hkdf & {
  readonly supports: (kem: Kem, suite: SymmetricSuite) => boolean
  setupSender(kem: Kem, suite: SymmetricSuite, publicKey: Uint8Array, info: Uint8Array): Promise<SenderContext>
  open: AeadOpen
}

export type Encapsulated = { readonly enc: Bytes; readonly sharedSecret: Bytes }
export type Encapsulate = (kem: Kem, publicKey: Uint8Array) => Awaitable<Encapsulated>

/** A private key that can be used and not read: the key objects are held in a closure, no property leads to them. */
export type PrivateKey = {
  readonly kem: Kem
  readonly publicKey: Bytes
  /** Refuses with `cannot-open`, the code of a bad tag, so that nobody can pass on the difference. */
  decapsulate(enc: Uint8Array): Bytes
}

/** One private key, suite and info, with the key schedule's fixed parts computed. */
export type Receiver = {
  readonly kem: Kem
  readonly suite: SymmetricSuite
  setup(enc: Uint8Array): ReceiverContext
}

/** What a gateway answers with: HKDF, the AEADs and dice. */
export type Responder = Hkdf & {
  /** `before` goes in front of the result, so that a message is put together in one piece of memory. */
  seal(
    aead: Aead,
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    plaintext: Uint8Array,
    before?: Uint8Array,
  ): Bytes
  readonly random: (length: number) => Uint8Array
}
