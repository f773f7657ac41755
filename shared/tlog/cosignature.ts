/**
 * Cosignatures: a witness says that, at this time, it had seen no larger tree of this log and none that contradicts
 * it. Type 0x04 is Ed25519, 0x06 is ML-DSA-44. C2SP tlog-cosignature; conformance.md TL-6.
 */
import { base64, concat, fromHex, Reader, uint64, uint8, utf8, type Bytes } from '../bytes.ts'
import { Refusal } from '../refusal.ts'
import type { Checkpoint } from './checkpoint.ts'
import { ed25519FromSeed, ed25519Lengths, ed25519Verifies } from './ed25519.ts'
import { isKeyName, verifierKey, type KeyKind, type VerifierKey } from './key.ts'
import { mldsaFromSeed, mldsaLengths, mldsaVerifies } from './mldsa.ts'

export type CosignatureKind = Exclude<KeyKind, 'note'>

/** A witness's secret, for development logs: real witnesses hold theirs elsewhere. */
export type Cosigner = { readonly key: VerifierKey; readonly sign: (message: Uint8Array) => Promise<Bytes> }

type Statement = { readonly witness: string; readonly time: bigint; readonly checkpoint: Checkpoint }

type Scheme = {
  readonly signatureLength: number
  readonly message: (statement: Statement) => Bytes
  readonly verifies: (publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array) => Promise<boolean>
  readonly fromSeed: (seed: Uint8Array) => Promise<{ publicKey: Bytes; sign: Cosigner['sign'] }>
}

const schemes: Readonly<Record<CosignatureKind, Scheme>> = {
  cosignature: {
    signatureLength: ed25519Lengths.signature,
    message: ({ time, checkpoint }) => utf8(`cosignature/v1\ntime ${time.toString()}\n${checkpoint.text}`),
    verifies: ed25519Verifies,
    fromSeed: ed25519FromSeed,
  },
  mldsaCosignature: {
    signatureLength: mldsaLengths.signature,
    message: subtreeMessage,
    verifies: mldsaVerifies,
    fromSeed: mldsaFromSeed,
  },
}

/** Beyond the years that a Date can hold, whatever the clock says. */
const endOfTime = 8_640_000_000_000n

/** The time of a good cosignature, in milliseconds since 1970. */
export async function verifyCosignature(
  key: VerifierKey,
  signature: Uint8Array,
  checkpoint: Checkpoint,
): Promise<number> {
  const { signatureLength, message, verifies } = schemeOf(key)
  if (signature.length !== 8 + signatureLength) throw bad(key)
  const from = new Reader(signature)
  const time = from.uint64()
  if (!(await verifies(key.publicKey, from.rest(), message({ witness: key.name, time, checkpoint })))) throw bad(key)
  // Legal for 0x06, but then it says nothing of when, nor that this was the newest tree: no use to anybody here.
  if (time === 0n) throw new Refusal('cosignature-without-time', `${key.name} gives no time`)
  if (time > endOfTime) throw new Refusal('cosignature-from-future', `${key.name} is ahead of every clock`)
  return Number(time) * 1000
}

export async function cosignerFromSeed(name: string, kind: CosignatureKind, seed: Uint8Array): Promise<Cosigner> {
  if (!isKeyName(name)) throw new TypeError('a key name has no spaces and no plus')
  const { publicKey, sign } = await schemes[kind].fromSeed(seed)
  return { key: verifierKey(name, kind, publicKey), sign }
}

/** The line to append to the checkpoint's note. `time` is in milliseconds and loses its fraction of a second. */
export async function cosign({ key, sign }: Cosigner, checkpoint: Checkpoint, time: number): Promise<string> {
  const seconds = BigInt(Math.floor(time / 1000))
  const signature = await sign(schemeOf(key).message({ witness: key.name, time: seconds, checkpoint }))
  return `— ${key.name} ${base64(concat(fromHex(key.id), uint64(seconds), signature))}\n`
}

function schemeOf(key: VerifierKey): Scheme {
  if (key.kind === 'note') throw new TypeError(`${key.name} is not a key for cosignatures`)
  return schemes[key.kind]
}

/** `cosigned_message`: unlike the older type it commits to the witness's name, and not to extension lines. */
function subtreeMessage({ witness, time, checkpoint }: Statement): Bytes {
  return concat(
    utf8('subtree/v1\n\0'),
    opaque(witness),
    uint64(time),
    opaque(checkpoint.origin),
    uint64(0), // start: a checkpoint's tree is whole
    uint64(checkpoint.size),
    checkpoint.root,
  )
}

function opaque(text: string): Bytes {
  const bytes = utf8(text)
  if (bytes.length > 255) throw new Refusal('bad-signature', 'a name longer than this type of cosignature can carry')
  return concat(uint8(bytes.length), bytes)
}

function bad(key: VerifierKey): Refusal {
  return new Refusal('bad-signature', `the cosignature of ${key.name} does not verify`)
}
