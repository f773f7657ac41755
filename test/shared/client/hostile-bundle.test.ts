/** A relay that swaps, ages, cuts or makes up the bundle: nothing is sent, and the caller gets a typed error. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import type { AttestedBundle } from '../../../shared/attestation/bundle.ts'
import { concat } from '../../../shared/bytes.ts'
import type { RollbackMemory } from '../../../shared/client/memory.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { logged } from '../attestation/makers.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { answering, lie } from './misbehaviour.ts'
import { operator, startOfTest } from './operator.ts'
import { gatewayKey, town, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'
const secret = 'the dossier of Ana Lindqvist'

let pair: Town
let fetch: Visitor

beforeEach(async () => {
  pair = await town()
  fetch = visitor(pair)
})

afterEach(async () => {
  await fetch.close()
  await pair.close()
})

const ask = (): Promise<Response> => fetch(target, { method: 'POST', body: secret })

/** Nothing was even sent: the strongest way to learn nothing. */
function expectNothingSent(): void {
  expect(pair.posts()).toEqual([])
  expect(pair.opened).toEqual([])
}

test('OHTTP-C2, K-6: keys swapped under an attacker’s signature', async () => {
  const attacker = await operator()
  pair.bundle = await attacker.bundle({ serial: 8, keys: serializeKeyConfigs([gatewayKey().config]) })
  expect(await codeOf(ask())).toBe('bundle-unverified')
  expectNothingSent()
})

test('OHTTP-C2: keys swapped inside a signed bundle', async () => {
  const evil = serializeKeyConfigs([gatewayKey().config]).toBase64()
  const own = serializeKeyConfigs([pair.key.config]).toBase64()
  pair.bundle = String(pair.bundle).replace(own, evil)
  expect(await codeOf(ask())).toBe('bundle-unverified')
  expectNothingSent()
})

test('OHTTP-C2: the bare key list is never asked for', async () => {
  await ask()
  expect(pair.received.map(({ path }) => path)).toEqual(['/.well-known/asunder-bundle', '/'])
})

test('CONS-6, OHTTP-C16: an old bundle replayed, also after a restart', async () => {
  let text: string | undefined
  const memory: RollbackMemory = { load: () => text, save: (next) => void (text = next) }
  const old = pair.bundle
  await pair.publish({ serial: 9 })
  await visitor(pair, { memory }).ready()
  pair.bundle = old
  fetch = visitor(pair, { memory })
  expect(await codeOf(ask())).toBe('bundle-rolled-back')
  expectNothingSent()
})

test('a bundle of another placement, though properly signed', async () => {
  const keys = serializeKeyConfigs([pair.key.config])
  pair.bundle = await pair.operator.bundle({ serial: 8, keys, ...inside })
  expect(await codeOf(ask())).toBe('placement-mismatch')
  expectNothingSent()
})

test('a placement that the root does not allow', async () => {
  const other = await town(await operator({ ...(await logged()), placements: ['inside'] }))
  fetch = visitor(other)
  expect(await codeOf(fetch(target))).toBe('placement-mismatch')
  expect(other.posts()).toEqual([])
  await other.close()
})

test('a bundle that has ended', async () => {
  fetch = visitor(pair, { now: () => startOfTest + 13 * 3_600_000 })
  expect(await codeOf(ask())).toBe('bundle-unverified')
  expectNothingSent()
})

test('K-5: a bundle without a key that this client speaks', async () => {
  pair.bundle = await pair.operator.bundle({ serial: 8, keys: Uint8Array.of(0, 4, 1, 0x77, 0x77, 0) })
  expect(await codeOf(ask())).toBe('key-unusable')
  expectNothingSent()
})

test('K-4: one damaged configuration discards all of them', async () => {
  const keys = concat(serializeKeyConfigs([pair.key.config]), Uint8Array.of(0, 3, 1, 0, 0x20))
  pair.bundle = await pair.operator.bundle({ serial: 8, keys })
  expect(await codeOf(ask())).toBe('bundle-unverified')
  expectNothingSent()
})

test.each([
  ['a captive portal', answering(200, { 'content-type': 'text/html' }, lie), 'relay-unexpected'],
  ['a redirect', answering(302, { location: 'https://evil.example/' }), 'relay-redirected'],
  ['no bundle', answering(404), 'bundle-unavailable'],
  ['too many requests', answering(429, { 'retry-after': '3' }), 'rate-limited'],
  ['noise', answering(200, { 'content-type': 'application/asunder-bundle' }, lie), 'bundle-unverified'],
  [
    'bytes that are no text',
    answering(200, { 'content-type': 'application/asunder-bundle' }, '\ufffd'),
    'bundle-unverified',
  ],
])('%s in place of the bundle', async (_name, misbehave, code) => {
  pair.onBundle = misbehave
  expect(await codeOf(ask())).toBe(code)
  expectNothingSent()
})

test('a bundle without end is given up at 4 MiB', async () => {
  pair.onBundle = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/asunder-bundle' })
    const more = (): void => {
      if (!response.destroyed) response.write(Buffer.alloc(65_536, 97), () => setImmediate(more))
    }
    more()
    return true
  }
  expect(await codeOf(ask())).toBe('bundle-unverified')
  expectNothingSent()
})

test('a root that the shipped one does not lead to', async () => {
  const attacker = await operator({ version: 2 })
  const keys = serializeKeyConfigs([gatewayKey().config])
  pair.bundle = await attacker.bundle({ serial: 8, keys, roots: [attacker.root] })
  expect(await codeOf(ask())).toBe('bundle-unverified')
  expectNothingSent()
})

test('a shipped root that is damaged', async () => {
  fetch = visitor(pair, { trust: pair.operator.root.replace('"version":1', '"version":2') })
  expect(await codeOf(ask())).toBe('trust-unusable')
  expect(pair.received).toEqual([])
})

/** What an `inside` bundle has besides keys and times; nobody judges it here. */
const keyConfig = Uint8Array.of(9, 8, 7)
const report = Uint8Array.of(1)
const inside: Partial<AttestedBundle> = {
  placement: 'inside',
  policy: 'policy note',
  policyProof: 'proof',
  statement: 'statement note',
  cvms: [
    {
      id: cvmId(keyConfig),
      layer: 'outer',
      keyConfig,
      evidence: { kind: 'sev-snp', report, endorsements: [report], collateral: null },
      anchor: 'checkpoint note',
      notBefore: startOfTest - 3_600_000,
      notAfter: startOfTest + 12 * 3_600_000,
      policySha256: '00'.repeat(32),
      proof: 'proof',
    },
  ],
}
