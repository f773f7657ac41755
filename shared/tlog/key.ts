/** Verifier keys of signed notes, `name+id+base64(type ‖ public key)`. C2SP signed-note, "Signatures"; the text form is Go's `vkey`. */
import { sha256 } from '@noble/hashes/sha2.js'
import { base64, concat, fromBase64, hex, uint8, utf8, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'

/** The signature types of C2SP that we know by their public keys; `note` is the one that signs our own texts. */
export const keyTypes = {
  note: { type: 0x01, publicKeyLength: 32 },
  cosignature: { type: 0x04, publicKeyLength: 32 },
  mldsaCosignature: { type: 0x06, publicKeyLength: 1312 },
} as const

export type KeyKind = keyof typeof keyTypes

export type VerifierKey = {
  /** the whole vkey */
  readonly text: string
  readonly name: string
  /** eight lower-case hex digits */
  readonly id: string
  readonly kind: KeyKind
  readonly publicKey: Bytes
}

const vkeyForm = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su

export function parseKey(text: string): VerifierKey {
  const [, name = '', id = '', encoded = ''] = vkeyForm.exec(text) ?? []
  if (!isKeyName(name)) throw new Refusal('bad-encoding', 'not a verifier key')
  const bytes = fromBase64(encoded)
  const key = verifierKey(name, kindOf(bytes), bytes.slice(1))
  if (key.id !== id) throw new Refusal('bad-encoding', `key id ${id} is not that of the key of ${name}`)
  return key
}

export function verifierKey(name: string, kind: KeyKind, publicKey: Uint8Array): VerifierKey {
  const typed = concat(uint8(keyTypes[kind].type), publicKey)
  const id = hex(sha256(concat(utf8(`${name}\n`), typed)).subarray(0, 4))
  return { text: `${name}+${id}+${base64(typed)}`, name, id, kind, publicKey: typed.subarray(1) }
}

/** Key names: not empty, no Unicode space, no plus; a control character could not stand in a note at all. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\p{White_Space}\p{Cc}+]+$/u.test(name)
}

function kindOf(bytes: Uint8Array): KeyKind {
  for (const [kind, row] of Object.entries(keyTypes) as [KeyKind, (typeof keyTypes)[KeyKind]][]) {
    if (row.type === bytes[0] && row.publicKeyLength === bytes.length - 1) return kind
  }
  throw new Refusal('unusable-key', 'a key type or key length that we do not know')
}
