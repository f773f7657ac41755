/** HPKE base mode against vectors from elsewhere: RFC 9180's, the CFRG's companion file, Go's and Rust's X-Wing. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fromHex, hex } from '../../../shared/bytes.ts'
import type { SenderContext } from '../../../shared/hpke/context.ts'
import { privateKeyFrom, publicKeyOf } from '../../../shared/hpke/node-kem.ts'
import { createNodeHpke, createReceiver } from '../../../shared/hpke/node.ts'
import { kemOf, requireKem, requireSuite, suiteOf, type Kem, type SymmetricSuite } from '../../../shared/hpke/suites.ts'
import { sharedVectors } from '../../vectors/shared.ts'
import { derivePrivateKey, encapsulateFrom, encapsulateWith } from './encapsulation-seam.ts'

type Encryption = { seq?: number; aad: string; pt: string; ct: string }
type Case = {
  id: string
  kem_id: number
  kdf_id: number
  aead_id: number
  info: string
  ikmE: string
  ikmR: string
  skEm?: string
  skRm: string
  pkRm: string
  enc: string
  encryptions: Encryption[]
  exports: { exporter_context: string; L: number; exported_value: string }[]
}

const published = JSON.parse(readFileSync(join(import.meta.dirname, '../../vectors/rfc9180-a1.json'), 'utf8')) as Case
const files = ['hpke-rfc9180-base', 'hpke-pq'].map((name) => sharedVectors(name) as { cases: Case[] } | undefined)
const cases = files.flatMap((file) => file?.cases ?? [])
const ours = cases.filter((c) => kemOf(c.kem_id) && suiteOf({ kdfId: c.kdf_id, aeadId: c.aead_id }))
const others = cases.filter((c) => !ours.includes(c))

test('RFC 9180 A.1.1 is sealed, opened and exported as published', async () => {
  await seals(published)
  await opens(published)
})

describe.skipIf(cases.length === 0)('shared vectors', () => {
  test('three KEMs and three AEADs are among them', () => {
    expect(new Set(ours.map(({ kem_id }) => kem_id))).toEqual(new Set([0x0020, 0x0010, 0x647a]))
    expect(new Set(ours.map(({ aead_id }) => aead_id))).toEqual(new Set([1, 2, 3]))
  })

  test.each(ours)('$id seals as its sender did', seals)

  test.each(ours)('$id opens', opens)

  test.each(ours)('$id: the public key follows from the private one', (c) => {
    expect(hex(publicKeyOf(requireKem(c.kem_id), fromHex(c.skRm)))).toBe(c.pkRm)
  })

  test.each(ours.filter(({ skEm }) => skEm))('$id: DeriveKeyPair gives its keys', (c) => {
    const kem = requireKem(c.kem_id)
    expect(hex(derivePrivateKey(kem, fromHex(c.ikmE)))).toBe(c.skEm)
    expect(hex(derivePrivateKey(kem, fromHex(c.ikmR)))).toBe(c.skRm)
  })

  test.each(others)('$id is outside our table and refused by name', (c) => {
    expect(() => rows(c)).toThrow(expect.objectContaining({ code: 'unsupported-suite' }) as Error)
  })
})

async function seals(c: Case): Promise<void> {
  const sender = await senderOf(c)
  expect(hex(sender.enc)).toBe(c.enc)
  for (const { vector, aad, pt } of everyNumber(c)) {
    const ct = hex(await sender.seal(fromHex(aad), fromHex(pt)))
    if (vector) expect(ct).toBe(vector.ct)
  }
  for (const { exporter_context, L, exported_value } of c.exports) {
    expect(hex(await sender.export(fromHex(exporter_context), L))).toBe(exported_value)
  }
}

/** The numbers between those of the vector are filled by the sender, which `seals` has tested. */
async function opens(c: Case): Promise<void> {
  const { kem, suite } = rows(c)
  const sender = await senderOf(c)
  const receiver = createReceiver(privateKeyFrom(kem, fromHex(c.skRm)), suite, fromHex(c.info)).setup(fromHex(c.enc))
  for (const { vector, aad, pt } of everyNumber(c)) {
    const filler = await sender.seal(fromHex(aad), fromHex(pt))
    const ct = vector ? fromHex(vector.ct) : filler
    expect(hex(receiver.open(fromHex(aad), ct))).toBe(pt)
  }
  for (const { exporter_context, L, exported_value } of c.exports) {
    expect(hex(receiver.export(fromHex(exporter_context), L))).toBe(exported_value)
  }
}

function senderOf(c: Case): Promise<SenderContext> {
  const { kem, suite } = rows(c)
  const encapsulate = c.skEm ? encapsulateWith(fromHex(c.skEm)) : encapsulateFrom(fromHex(c.ikmE))
  return createNodeHpke({ encapsulate }).setupSender(kem, suite, fromHex(c.pkRm), fromHex(c.info))
}

function rows(c: Case): { kem: Kem; suite: SymmetricSuite } {
  return { kem: requireKem(c.kem_id), suite: requireSuite({ kdfId: c.kdf_id, aeadId: c.aead_id }) }
}

/** Vectors jump from 4 to 255; a context cannot. */
function everyNumber({ encryptions }: Case): { vector?: Encryption; aad: string; pt: string }[] {
  const bySeq = new Map(encryptions.map((each, index) => [each.seq ?? index, each]))
  return Array.from({ length: Math.max(...bySeq.keys()) + 1 }, (_, seq) => {
    const vector = bySeq.get(seq)
    return vector ? { vector, aad: vector.aad, pt: vector.pt } : { aad: '', pt: '' }
  })
}
