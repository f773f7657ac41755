/** Names and secrets of this room: a seed in a file for its owner alone, under a name that says development. */
import { base64 } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import { cosignerFromSeed, type CosignatureKind, type Cosigner } from '../tlog/cosignature.ts'
import { developmentHosts, saysDevelopment } from '../tlog/development.ts'
import { at, bytesOf, fieldsOf, textOf, wordOf } from '../tlog/json-fields.ts'
import { keyTypes, type KeyKind } from '../tlog/key.ts'
import { generateSigningKey, readSigner, type Signer } from '../tlog/signer.ts'
import { parseStrictJson } from '../tlog/strict-json.ts'
import { readSecret, writeSecret } from './files.ts'

const seedLength = 32

/** `example` becomes `development-log.invalid/example`: there is no way to another host. */
export function developmentName(host: keyof typeof developmentHosts, name: string): string {
  if (!/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new TypeError('a name has lower-case letters, digits, dots and hyphens, 63 at most')
  }
  return `${developmentHosts[host]}/${name}`
}

/** The dice may be handed in, so that a test gets the same key again. */
export function makeSecret(
  file: string,
  name: string,
  kind: KeyKind,
  seed: Uint8Array = crypto.getRandomValues(new Uint8Array(seedLength)),
): void {
  if (seed.length !== seedLength) throw new TypeError('a seed has 32 bytes')
  writeSecret(file, `${JSON.stringify({ use: 'development', name, kind, seed: base64(seed) })}\n`)
}

export async function signerFrom(file: string): Promise<Signer> {
  const { name, seed } = secretOf(file, ['note'])
  return readSigner((await generateSigningKey(name, seed)).skey)
}

export async function cosignerFrom(file: string): Promise<Cosigner> {
  const { name, kind, seed } = secretOf(file, ['cosignature', 'mldsaCosignature'])
  return cosignerFromSeed(name, kind, seed)
}

function secretOf<K extends KeyKind>(file: string, kinds: readonly K[]) {
  const secret = parsed<K>(file, kinds)
  if (!saysDevelopment(secret.name)) {
    throw new Refusal('insecure-configuration', `the key in ${file} does not say that it is for development`)
  }
  return secret
}

/** A damaged file is never quoted: it is the secret. */
function parsed<K extends KeyKind>(file: string, kinds: readonly K[]) {
  const text = readSecret(file)
  try {
    const from = fieldsOf(at(parseStrictJson(text), 'key'), ['use', 'name', 'kind', 'seed'])
    wordOf(from.use, ['development'])
    const seed = bytesOf(from.seed)
    if (seed.length !== seedLength) throw new TypeError('a seed has 32 bytes')
    return { name: textOf(from.name), kind: wordOf(from.kind, kinds), seed }
  } catch {
    throw new Refusal('bad-encoding', `the key file ${file} is damaged, or of another kind: make log or witness anew`)
  }
}

/** The words by which people choose a kind of cosignature. */
export const cosignatureKinds = {
  ed25519: 'cosignature',
  'ml-dsa-44': 'mldsaCosignature',
} as const satisfies Record<string, Exclude<keyof typeof keyTypes, 'note'> & CosignatureKind>
