/**
 * What we put into a log: the data of a leaf for an attested identity, for a policy and for a key list. The leaf
 * hash adds the 0x00. attestation.md d.2, trust.md 4. Nobody parses a leaf: whoever checks one makes it again.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { concat, hex, uint16, uint8, utf8, type Bytes } from '../bytes.ts'
import { timeText } from './json-fields.ts'

/** Everything that the hardware measured or was told at launch; what the platform does not have is empty. */
export type Identity = {
  readonly measurement: Uint8Array
  readonly hostData?: Uint8Array
  readonly mrConfigId?: Uint8Array
  readonly rtmr?: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  readonly idKeyDigest?: Uint8Array
  readonly role: string
}

export type Release = {
  readonly role: string
  /** the evidence's kind: `sev-snp`, `tdx`, `simulated` */
  readonly tee: string
  /** of identityTuple */
  readonly identitySha256: Uint8Array
  readonly guestSvn: number
  /** milliseconds since 1970, whole seconds */
  readonly notAfter: number
  readonly artifactSha256: Uint8Array
}

const none = new Uint8Array(0)
const digestLength = 32

/** trust.md 4: u8 tag ‖ u16be length ‖ bytes, tags in the order in which that page names the fields. */
export function identityTuple(identity: Identity): Bytes {
  const { measurement, hostData = none, mrConfigId = none, rtmr = [none, none, none, none] } = identity
  const { idKeyDigest = none, role } = identity
  if (measurement.length === 0) throw new TypeError('an identity has a measurement')
  const fields = [measurement, hostData, mrConfigId, ...rtmr, idKeyDigest, utf8(line(role))]
  return concat(...fields.flatMap((field, at) => [uint8(at + 1), uint16(field.length), field]))
}

export function identityDigest(identity: Identity): Bytes {
  return new Uint8Array(sha256(identityTuple(identity)))
}

/** Role, expiry and version are inside, so that a leaf serves no other role and does not live for ever. */
export function releaseLeaf(release: Release): Bytes {
  const { role, tee, identitySha256, guestSvn, notAfter, artifactSha256 } = release
  if (!Number.isSafeInteger(guestSvn) || guestSvn < 0) throw new TypeError('a guest SVN is a count')
  return lines('asunder release v1', [
    line(role),
    line(tee),
    hex(digest(identitySha256)),
    String(guestSvn),
    timeText(notAfter),
    hex(digest(artifactSha256)),
  ])
}

/** `textSha256`: of the policy note's text, without signature lines. */
export function policyLeaf(textSha256: Uint8Array): Bytes {
  return concat(utf8('asunder policy v1\n'), digest(textSha256))
}

/** `listSha256`: of the key list as published, `application/ohttp-keys`. */
export function keysLeaf(listSha256: Uint8Array): Bytes {
  return concat(utf8('asunder keys v1\n'), digest(listSha256))
}

function lines(first: string, rest: readonly string[]): Bytes {
  return utf8([first, ...rest, ''].join('\n'))
}

/** A line feed in a field would let one leaf be read as another. */
function line(text: string): string {
  if (text === '' || !text.isWellFormed() || /\p{Cc}/u.test(text)) throw new TypeError('not one line of text')
  return text
}

function digest(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== digestLength) throw new TypeError('a digest has 32 bytes')
  return bytes
}
