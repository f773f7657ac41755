/**
 * Everything that a release leaf is made of, read strictly from options or from a JSON file: an identity must be named
 * whole, so what a platform measures may not be left out and what it does not have may not be there. trust.md 4.
 */
import { fromHex } from '../../../bytes.ts'
import { Refusal } from '../../../refusal.ts'
import { at, digestOf, integerOf, listOf, textOf, timeOf, wordOf, type At } from '../../../tlog/json-fields.ts'
import { identityDigest, releaseLeaf, type Identity, type Release } from '../../../tlog/release.ts'

type Field = { readonly option: string; readonly says: string }

/** By their names in JSON. */
export const releaseFields = {
  role: { option: 'role', says: 'the role for which the CVM is attested' },
  tee: { option: 'tee', says: 'sev-snp, tdx or simulated' },
  measurement: { option: 'measurement', says: 'what the hardware measured at launch, 48 bytes in hex' },
  hostData: { option: 'host-data', says: "SEV-SNP HOST_DATA, 32 bytes in hex: SHA-256 of the CVM's settings file" },
  mrConfigId: { option: 'mr-config-id', says: 'TDX MRCONFIGID, 48 bytes in hex' },
  rtmr: { option: 'rtmr', says: 'TDX RTMR0 to RTMR3, 48 bytes in hex each, with commas between them' },
  idKeyDigest: {
    option: 'id-key-digest',
    says: 'SEV-SNP ID key digest, 48 bytes in hex; left out without an ID block',
  },
  guestSvn: { option: 'guest-svn', says: 'the security version of the image; 0 where there is none' },
  notAfter: { option: 'not-after', says: 'when the release ends, as 2027-01-31T00:00:00Z' },
  artifactSha256: { option: 'artifact', says: 'SHA-256 of the image that was built, in hex' },
} as const satisfies Record<string, Field>

type Name = keyof typeof releaseFields

const always = ['role', 'tee', 'measurement', 'guestSvn', 'notAfter', 'artifactSha256'] as const
const shapes = {
  'sev-snp': { must: ['hostData'], may: ['idKeyDigest'] },
  tdx: { must: ['mrConfigId', 'rtmr'], may: [] },
  simulated: { must: [], may: [] },
} as const satisfies Record<string, { must: readonly Name[]; may: readonly Name[] }>

const tees = Object.keys(shapes) as (keyof typeof shapes)[]

export type ReadRelease = {
  readonly data: Uint8Array<ArrayBuffer>
  readonly release: Release
  readonly identity: Identity
}

/** `naming` is what a person would call a field: an option or a key. Refuses with `bad-encoding`. */
export function readRelease(value: unknown, naming: (name: Name) => string): ReadRelease {
  const given = objectOf(value)
  const get = (name: Name): At => at(given[name], naming(name))
  const need = (name: Name): void => demand(given[name] !== undefined, `${naming(name)} is missing`, name)
  need('tee')
  const tee = wordOf(get('tee'), tees)
  const { must, may } = shapes[tee]
  const known: readonly string[] = [...always, ...must, ...may]
  for (const name of [...always, ...must]) need(name)
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw wrong(`${label(name, naming)} does not belong to a ${tee} release; leave it out`)
  }
  const has = (name: Name): boolean => given[name] !== undefined
  const identity: Identity = {
    role: textOf(get('role')),
    measurement: bytes(get('measurement'), 48),
    ...(has('hostData') ? { hostData: bytes(get('hostData'), 32) } : {}),
    ...(has('mrConfigId') ? { mrConfigId: bytes(get('mrConfigId'), 48) } : {}),
    ...(has('rtmr') ? { rtmr: rtmrOf(get('rtmr')) } : {}),
    ...(has('idKeyDigest') ? { idKeyDigest: bytes(get('idKeyDigest'), 48) } : {}),
  }
  if (identity.idKeyDigest?.every((octet) => octet === 0) === true) {
    throw wrong(`${naming('idKeyDigest')}: zeros mean that there is no ID key; leave it out`)
  }
  return leafOf(tee, identity, get)
}

function leafOf(tee: string, identity: Identity, get: (name: Name) => At): ReadRelease {
  const release: Release = {
    role: identity.role,
    tee,
    identitySha256: oneLine(get('role'), () => identityDigest(identity)),
    guestSvn: integerOf(get('guestSvn')),
    notAfter: timeOf(get('notAfter')),
    artifactSha256: bytes(get('artifactSha256'), 32),
  }
  return { data: releaseLeaf(release), release, identity }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw wrong('a release is a JSON object')
}

function bytes(from: At, length: number): Uint8Array<ArrayBuffer> {
  return fromHex(digestOf(from, length))
}

function rtmrOf(from: At): NonNullable<Identity['rtmr']> {
  const [a, b, c, d] = listOf(from, 4, 4).map((one) => bytes(one, 48))
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new TypeError('four were read')
  return [a, b, c, d]
}

function oneLine<T>({ path }: At, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw wrong(`${path} must be one line of text`, cause)
  }
}

function label(name: string, naming: (name: Name) => string): string {
  return Object.hasOwn(releaseFields, name) ? naming(name as Name) : name
}

function demand(holds: boolean, what: string, name: Name): void {
  if (!holds) throw wrong(`${what}: ${releaseFields[name].says}`)
}

function wrong(what: string, cause?: unknown): Refusal {
  return new Refusal('bad-encoding', what, { cause })
}
