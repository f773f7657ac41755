/** Both engines say the same of every signature, good or bad; which of them is asked depends on the platform alone. */
import * as node from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  bestEngine,
  importKey,
  nodeEngine,
  schemes,
  webEngine,
  type Scheme,
} from '../../../shared/attestation/signatures.ts'
import { concat, type Bytes } from '../../../shared/bytes.ts'
import { codeOf } from '../tlog/code-of.ts'
import { ecKey } from './x509/keys.ts'
import { bytes } from './values.ts'

const engines = [
  ['Node', nodeEngine(node)],
  ['web', webEngine],
] as const
const message = bytes(672, 7)
const length: Readonly<Record<Scheme, number>> = { 'rsa-pss-sha384': 512, 'ecdsa-p384': 96, 'ecdsa-p256': 64 }
const names = Object.keys(schemes) as Scheme[]
const made = Object.fromEntries(names.map((scheme) => [scheme, make(scheme)])) as Record<Scheme, Made>
const all = engines.flatMap(([name, engine]) => names.map((scheme) => [name, scheme, engine] as const))

describe.each(all)('%s, %s', (_, scheme, engine) => {
  const { spki, signature, wrongSalt } = made[scheme]
  const says = async (changed: Bytes, text = message) => (await engine(scheme, spki)).verifies(changed, text)
  const zeros = new Uint8Array(length[scheme])

  test('a good signature', async () => expect(await says(signature)).toBe(true))
  test.each<[string, Bytes, Bytes?]>([
    ['a flipped bit at its start', signature.with(0, (signature[0] ?? 0) ^ 1)],
    ['a flipped bit at its end', signature.with(-1, (signature.at(-1) ?? 0) ^ 1)],
    ['zeros', zeros],
    ['ones', bytes(zeros.length, 0xff)],
    ['nothing', new Uint8Array(0)],
    ['one byte short', signature.slice(0, -1)],
    ['one byte long', concat(signature, bytes(1, 0))],
    ['another message', signature, message.with(0, 8)],
    ['another salt, or DER in place of r and s', wrongSalt],
  ])('%s', async (__, changed, text) => expect(await says(changed, text)).toBe(false))
})

test.each(all.filter(([, scheme]) => scheme === 'ecdsa-p384'))(
  '%s: a point off the curve',
  async (_, scheme, engine) => {
    const off = ecKey(concat(Uint8Array.of(4), bytes(96, 1)))
    await expect((async () => engine(scheme, off))()).rejects.toThrow()
    expect(await codeOf(() => importKey(scheme, off))).toBe('certificate-key-refused')
  },
)

test('Node where there is Node, and the web everywhere else', () => {
  const asked: string[] = []
  const process = { getBuiltinModule: (id: 'crypto') => (asked.push(id), node) }
  expect(bestEngine({ process })).not.toBe(webEngine)
  expect(asked).toEqual(['crypto'])
  expect(bestEngine()).not.toBe(webEngine)
  expect([bestEngine({}), bestEngine({ process: {} })]).toEqual([webEngine, webEngine])
})

type Made = { readonly spki: Bytes; readonly signature: Bytes; readonly wrongSalt: Bytes }

/** A key and what it signs, by node:crypto's other half, and once in the form that others take. */
function make(scheme: Scheme): Made {
  const { curve, digest, saltLength } = schemes[scheme]
  const { publicKey, privateKey } =
    curve === undefined
      ? node.generateKeyPairSync('rsa', { modulusLength: 4096 })
      : node.generateKeyPairSync('ec', { namedCurve: curve })
  const padding = node.constants.RSA_PKCS1_PSS_PADDING
  const by = (way: object) => Uint8Array.from(node.sign(digest, message, { key: privateKey, ...way }))
  return {
    spki: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })),
    signature: by(saltLength === undefined ? { dsaEncoding: 'ieee-p1363' } : { padding, saltLength }),
    wrongSalt: by(saltLength === undefined ? { dsaEncoding: 'der' } : { padding, saltLength: 32 }),
  }
}
