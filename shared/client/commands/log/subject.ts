/** Which leaf a command is about: each option makes the leaf anew from the thing itself, never from what a proof claims. */
import { sha256 } from '@noble/hashes/sha2.js'
import type { ParseArgsOptionsConfig } from 'node:util'
import { fromHex, fromUtf8, utf8, type Bytes } from '../../../bytes.ts'
import { readPolicyFields } from '../../../attestation/policy-fields.ts'
import { parseKeyConfigs } from '../../../ohttp/key-config.ts'
import { Refusal } from '../../../refusal.ts'
import { leafHash } from '../../../tlog/merkle.ts'
import { parseNote } from '../../../tlog/note.ts'
import { keysLeaf, policyLeaf } from '../../../tlog/release.ts'
import { readText as readSigned } from '../../../tlog/signed-text.ts'
import { parseStrictJson } from '../../../tlog/strict-json.ts'
import { Failure, UsageError, type World } from '../command.ts'
import { reasonOf } from '../connection.ts'
import { readRelease } from './release.ts'

export type Leaf = {
  readonly kind: 'release' | 'policy' | 'keys' | 'data'
  readonly data: Bytes
  /** of a release, milliseconds since 1970 */
  readonly notAfter?: number
}

/** Of `hash` alone nobody can say what it stands for or when it ends. */
export type Subject = Omit<Partial<Leaf>, 'kind'> & { readonly kind: Leaf['kind'] | 'hash'; readonly hash: Bytes }

export const subjectOptions = {
  release: { type: 'string' },
  policy: { type: 'string' },
  keys: { type: 'string' },
  data: { type: 'string' },
} as const satisfies ParseArgsOptionsConfig

export const subjectHelp = `  --release FILE          a release, as the JSON that asunder log leaf release --help describes
  --policy FILE           a policy, as its signed note
  --keys FILE             a key list, application/ohttp-keys as published
  --data FILE             the data of any other leaf`

type Given = { readonly [name in keyof typeof subjectOptions]?: string | undefined }

const makers = {
  release: releaseFrom,
  policy: policyFrom,
  keys: keysFrom,
  data: (bytes: Uint8Array): Leaf => ({ kind: 'data', data: new Uint8Array(bytes) }),
} as const satisfies Record<keyof typeof subjectOptions, (bytes: Uint8Array) => Leaf>

/** Exactly one of the options, made into its leaf. */
export async function leafFrom(given: Given, world: World): Promise<Leaf> {
  const names = (Object.keys(makers) as (keyof typeof makers)[]).filter((name) => given[name] !== undefined)
  const [name, second] = names
  if (name === undefined || second !== undefined) {
    throw new UsageError(
      `give exactly one of ${Object.keys(makers)
        .map((one) => `--${one}`)
        .join(', ')}`,
    )
  }
  return fromFile(name, given[name] ?? '', world)
}

export async function subjectFrom(
  { leaf, ...given }: Given & { leaf?: string | undefined },
  world: World,
): Promise<Subject> {
  if (leaf === undefined) return subjectOf(await leafFrom(given, world))
  if (Object.keys(makers).some((name) => given[name as keyof Given] !== undefined))
    throw new UsageError('--leaf: give a hash or a file, not both')
  if (!/^[0-9a-f]{64}$/.test(leaf)) throw new UsageError('--leaf: a leaf hash has 32 bytes in lower-case hex')
  return { kind: 'hash', hash: fromHex(leaf) }
}

export function subjectOf(leaf: Leaf): Subject {
  return { ...leaf, hash: leafHash(leaf.data) }
}

/** A file of this kind, or what is wrong with it. */
export async function fromFile(name: keyof typeof makers, path: string, world: World): Promise<Leaf> {
  const bytes = await world.readFile(path).catch((cause: unknown) => {
    throw new Failure(`--${name}: cannot read ${path}: ${reasonOf(cause)}`, { cause })
  })
  try {
    return makers[name](bytes)
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new Failure(`--${name}: ${path}: ${cause.code}: ${cause.message}`, { cause })
  }
}

function releaseFrom(bytes: Uint8Array): Leaf {
  const { data, release } = readRelease(parseStrictJson(fromUtf8(bytes)), (name) => name)
  return { kind: 'release', data, notAfter: release.notAfter }
}

/** Its text must be a policy's; who signed it, and whether that is enough, is not asked here. */
function policyFrom(bytes: Uint8Array): Leaf {
  const { text } = parseNote(fromUtf8(bytes))
  readPolicyFields(readSigned('policy', text))
  return { kind: 'policy', data: policyLeaf(sha256(utf8(text))) }
}

function keysFrom(bytes: Uint8Array): Leaf {
  parseKeyConfigs(bytes)
  return { kind: 'keys', data: keysLeaf(sha256(bytes)) }
}
