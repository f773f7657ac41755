/** Signing keys for notes: their text form is Go's `skey`, `PRIVATE+KEY+name+id+base64(type ‖ seed)`. C2SP signed-note. */
import { base64, concat, fromBase64, uint8, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { ed25519FromSeed, ed25519Lengths } from './ed25519.ts'
import { isKeyName, keyTypes, verifierKey, type VerifierKey } from './key.ts'

export type Signer = {
  readonly name: string
  /** what verifiers are given: `name+id+base64` */
  readonly vkey: string
  readonly key: VerifierKey
  readonly sign: (message: Uint8Array) => Promise<Bytes>
}

const skeyForm = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/su

/** A new key as texts, to be stored by the caller: `skey` is the secret. The dice may be handed in. */
export async function generateSigningKey(
  name: string,
  seed: Uint8Array = crypto.getRandomValues(new Uint8Array(ed25519Lengths.seed)),
): Promise<{ skey: string; vkey: string }> {
  const { key } = await signerFromSeed(name, seed)
  const secret = base64(concat(uint8(keyTypes.note.type), seed))
  return { skey: `PRIVATE+KEY+${name}+${key.id}+${secret}`, vkey: key.text }
}

/** A key that lives only as long as this process. */
export async function generateSigner(name: string): Promise<Signer> {
  return signerFromSeed(name, crypto.getRandomValues(new Uint8Array(ed25519Lengths.seed)))
}

export async function readSigner(skey: string): Promise<Signer> {
  const [, name = '', id = '', encoded = ''] = skeyForm.exec(skey) ?? []
  const bytes = fromBase64(encoded)
  if (!isKeyName(name) || bytes[0] !== keyTypes.note.type || bytes.length !== 1 + ed25519Lengths.seed) {
    throw new Refusal('bad-encoding', 'not a signing key') // never with the text: it is the secret
  }
  const signer = await signerFromSeed(name, bytes.subarray(1))
  if (signer.key.id !== id) throw new Refusal('bad-encoding', `key id ${id} is not that of the key of ${name}`)
  return signer
}

async function signerFromSeed(name: string, seed: Uint8Array): Promise<Signer> {
  if (!isKeyName(name)) throw new TypeError('a key name has no spaces and no plus')
  const { publicKey, sign } = await ed25519FromSeed(seed)
  const key = verifierKey(name, 'note', publicKey)
  return { name, vkey: key.text, key, sign }
}
