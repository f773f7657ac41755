/** A relay that lies: whatever it swaps, repeats, cuts or makes up, it learns nothing and the caller gets a typed error. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import type { AttestedBundle } from '../../../shared/attestation/bundle.ts'
import { concat } from '../../../shared/bytes.ts'
import { obliviousErrors, type ObliviousError } from '../../../shared/client/errors.ts'
import type { RollbackMemory } from '../../../shared/client/memory.ts'
import { cannotOpen, problem, type Problem } from '../../../shared/http/problem.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { logged } from '../attestation/makers.ts'
import { codeOf, visitor, type Visitor } from './clients.ts'
import { operator, startOfTest } from './operator.ts'
import { gatewayKey, serve, town, type Misbehaviour, type Town } from './town.ts'

const target = 'https://app.asunder.example/v1/notes'
const secret = 'the dossier of Ana Lindqvist'
const lie = '<html>You have won a prize</html>'

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

function answering(status: number, fields: Record<string, string> = {}, body = ''): Misbehaviour {
  return (_request, response) => {
    response.writeHead(status, fields).end(body)
    return true
  }
}

const sending = ({ status, fields, body }: Problem): Misbehaviour => answering(status, fields, body)

/** Nothing was even sent: the strongest way to learn nothing. */
function expectNothingSent(): void {
  expect(pair.posts()).toEqual([])
  expect(pair.opened).toEqual([])
}

describe('with another bundle', () => {
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
})

describe('with another answer', () => {
  const statuses = [
    ...([
      ['relay-refused', 400],
      ['relay-refused', 401],
      ['relay-refused', 404],
      ['relay-refused', 415],
    ] as const),
    ...([
      ['too-large', 413],
      ['rate-limited', 429],
      ['gateway-unavailable', 502],
      ['gateway-unavailable', 503],
    ] as const),
    ...([
      ['gateway-unavailable', 504],
      ['relay-refused', 501],
      ['relay-refused', 421],
    ] as const),
  ]
  test.each(statuses)('OHTTP-C9: %s for status %i, once, with no byte of it', async (code, status) => {
    pair.onPost = (request, response) => sending(problem(status))(request, response)
    const error = await caught(ask())
    expect([error.code, error.status]).toEqual([code, status])
    expect(pair.posts().length).toBe(1)
  })

  test.each([
    ['standard', 'text/html'],
    ['standard', 'message/ohttp-chunked-res'],
    ['chunked', 'message/ohttp-res'],
    ['chunked', 'text/event-stream'],
  ] as const)('OHTTP-C9, CHK-1: a 200 of another type (%s request, %s)', async (family, type) => {
    fetch = visitor(pair, { family })
    pair.onPost = answering(200, { 'content-type': type }, lie)
    const error = await caught(ask())
    expect(error.code).toBe('relay-unexpected')
    expect(JSON.stringify([error, error.message, String(error.cause)])).not.toContain('prize')
  })

  test('CHK-3: a refused chunked request is not tried again as a standard one', async () => {
    fetch = visitor(pair, { family: 'chunked' })
    pair.onPost = sending(problem(415))
    expect(await codeOf(ask())).toBe('relay-refused')
    expect(pair.posts().length).toBe(1)
  })

  test.each([301, 302, 303, 307, 308])('OHTTP-C10: a %i is not followed', async (status) => {
    const elsewhere: string[] = []
    const trap = await serve((request, response) => {
      elsewhere.push(request.url ?? '')
      response.end()
    })
    pair.onPost = answering(status, { location: trap.url })
    expect(await codeOf(ask())).toBe('relay-redirected')
    expect(elsewhere).toEqual([])
    await trap.close()
  })

  test('OHTTP-C14: a connection that breaks before an answer is not tried again', async () => {
    pair.onPost = (_request, response) => {
      response.destroy()
      return true
    }
    expect(await codeOf(ask())).toBe('relay-unreachable')
    expect(pair.posts().length).toBe(1)
  })

  test('no relay at all', async () => {
    await pair.close()
    expect(await codeOf(ask())).toBe('relay-unreachable')
  })

  test.each(['standard', 'chunked'] as const)('E-6: one bit flipped anywhere in a %s answer', async (family) => {
    fetch = visitor(pair, { family })
    for (let at = 0; at < 5; at++) {
      pair.alter = (pieces) =>
        pieces.map((piece) => piece.map((byte, i) => (i === Math.floor((at * piece.length) / 5) ? byte ^ 1 : byte)))
      expect(['answer-damaged', 'answer-truncated']).toContain(await codeOf(ask().then((answer) => answer.text())))
    }
  })

  test.each(['standard', 'chunked'] as const)('an answer to another %s request', async (family) => {
    fetch = visitor(pair, { family })
    const first: Uint8Array<ArrayBuffer>[] = []
    pair.alter = (pieces) => (first.push(...pieces), pieces)
    await (await ask()).text()
    pair.alter = () => first.splice(0)
    expect(await codeOf(ask().then((answer) => answer.text()))).toBe('answer-damaged')
  })

  test('an answer beyond the limit', async () => {
    fetch = visitor(pair, { limits: { answer: 1000 } })
    pair.app = () => ({ content: 'x'.repeat(1001) })
    expect(await codeOf(ask())).toBe('too-large')
    pair.app = () => ({ content: 'x'.repeat(200_000) })
    expect(await codeOf(ask())).toBe('too-large')
  })
})

describe('with a shorter answer', () => {
  beforeEach(() => {
    fetch = visitor(pair, { family: 'chunked' })
    pair.app = () => ({ content: words() })
  })

  async function* words(): AsyncGenerator<string> {
    yield 'one '
    await new Promise((resolve) => setTimeout(resolve, 5))
    yield 'two'
  }

  test('CHK-14: a connection that breaks mid-answer errors the body, after the genuine part', async () => {
    pair.cut = true
    const parts: string[] = []
    const reading = ask().then(async (answer) => {
      for await (const part of answer.body ?? []) parts.push(new TextDecoder().decode(part as Uint8Array))
    })
    expect(await codeOf(reading)).toBe('answer-truncated')
    expect(parts.join('')).toBe('one two')
  })

  test('CHK-14: a clean end of the connection without the final chunk is no end', async () => {
    pair.alter = (pieces) => pieces.filter((piece) => piece[0] !== 0 || piece.length > 20)
    expect(await codeOf(ask().then((answer) => answer.text()))).toBe('answer-truncated')
  })

  test('a standard answer that stops short', async () => {
    fetch = visitor(pair)
    pair.app = () => ({ content: 'x'.repeat(5_000) })
    pair.alter = (pieces) => pieces.map((piece) => piece.subarray(0, 4_000))
    expect(['answer-damaged', 'answer-truncated']).toContain(await codeOf(ask()))
  })
})

describe('claiming that the key is unknown', () => {
  test('OHTTP-C9, OHTTP-C14: no newer bundle, nothing is sent again, and the bundle is asked for once', async () => {
    pair.onPost = sending(cannotOpen)
    expect(await codeOf(ask())).toBe('key-unknown')
    expect(await codeOf(ask())).toBe('key-unknown')
    expect(pair.received.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET', 'POST'])
    expect(fetch.waits).toEqual([])
  })
})

test('every code tells what it means and what to do', () => {
  for (const row of Object.values(obliviousErrors)) {
    expect(row.means.length).toBeGreaterThan(20)
    expect(row.remedy.length).toBeGreaterThan(10)
  }
})

async function caught(work: Promise<unknown>): Promise<ObliviousError> {
  return work.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error: unknown) => error as ObliviousError,
  )
}

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
