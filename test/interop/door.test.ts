/** The door as others use it: the npm script's own process, every vector file of the protocol core through it. */
import { beforeAll, describe, expect, test } from 'vitest'
import { sharedVectors } from '../vectors/shared.ts'
import { ask, type Answer } from './ask.ts'

type Json = Record<string, unknown>
type Asked = Json & { id: string; op: string }

function casesOf(file: string): Json[] {
  return (sharedVectors(file) as { cases: Json[] } | undefined)?.cases ?? []
}

const half = (hex: unknown): number[] => [String(hex).length >> 2]
const bytewise = (hex: unknown): number[] => Array.from({ length: String(hex).length >> 1 }, () => 1)
const reads = (one: Json, op: string, more: Json = {}): Asked[] =>
  [undefined, half(one['hex']), bytewise(one['hex'])].map((cuts, way) => {
    return { ...one, ...more, op, id: `${String(one['id'])}/${op}/${String(way)}`, ...(cuts && { cuts }) }
  })

test('says what it cannot do, refuses what is no case, and keeps order', async () => {
  const answers = await ask(
    [
      { id: 'a', op: 'no.such' },
      { id: 'b', op: 'padme', length: 9 },
    ],
    ['[]', '{"id":"c"}'],
  )
  expect(answers).toEqual([
    { id: 'a', unsupported: true },
    { id: 'b', ok: { padded: 10 } },
    { id: null, refused: 'bad-encoding' },
    { id: 'c', refused: 'bad-encoding' },
  ])
})

test('takes no integer that JSON cannot hold exactly, and no hex in upper case or halves', async () => {
  const answers = await ask(
    [],
    ['{"id":1,"op":"padme","length":9007199254740993}', '{"id":2,"op":"keys.parse","hex":"0"}'],
  )
  expect(answers.map(({ refused }) => refused)).toEqual(['bad-encoding', 'bad-encoding'])
})

describe.skipIf(casesOf('bhttp-valid').length === 0)('the vectors of the protocol core', () => {
  const expected = new Map<string, (answer: Answer) => void>()
  const cases: Asked[] = []
  const add = (asked: readonly Asked[], check: (answer: Answer) => void): void => {
    for (const one of asked) {
      cases.push(one)
      expected.set(one.id, check)
    }
  }
  const gives = (ok: unknown) => (answer: Answer) => expect(answer.ok, JSON.stringify(answer).slice(0, 300)).toEqual(ok)
  const refuses = (answer: Answer) => expect(answer.refused, JSON.stringify(answer).slice(0, 300)).toBeTypeOf('string')
  let answers = new Map<string, Answer>()

  for (const one of casesOf('bhttp-valid')) add(reads(one, 'bhttp.decode'), gives(one['decoded']))
  for (const one of casesOf('bhttp-invalid')) add(reads(one, 'bhttp.decode'), refuses)
  for (const one of casesOf('incremental-field')) {
    add([{ ...one, id: String(one['id']), op: 'incremental' }], gives({ result: one['result'] }))
  }
  for (const one of casesOf('padme')) {
    add([{ ...one, id: String(one['id']), op: 'padme' }], gives({ padded: one['padded'] }))
  }
  for (const one of casesOf('keyconfig-valid')) {
    add([{ ...one, id: `${String(one['id'])}/parse`, op: 'keys.parse' }], gives(one['decoded']))
  }
  for (const one of casesOf('keyconfig-valid')) {
    if ((one['decoded'] as { usable?: boolean }[]).some(({ usable }) => usable === false)) continue
    add([{ id: `${String(one['id'])}/serialize`, op: 'keys.serialize', decoded: one['decoded'] }], gives(one['hex']))
  }
  for (const one of casesOf('bhttp-valid')) {
    add([{ ...one, hex: undefined, id: `${String(one['id'])}/encode`, op: 'bhttp.encode' }], (answer) => {
      // Equal to the vector only where that is the canonical form; always of the vector's framing.
      expect(String(answer.ok).slice(0, 2)).toBe(`0${String((one['decoded'] as Json)['framing'])}`)
    })
  }
  for (const one of casesOf('keyconfig-invalid')) {
    // Points that only the KEM can judge are refused when something is sealed to them.
    const sealing = { op: 'ohttp.seal', media_type: 'message/ohttp-req', ohttp_keys: one['hex'], request: '00' }
    add([{ ...sealing, id: `${String(one['id'])}/seal` }], refuses)
  }
  for (const one of casesOf('ohttp-exchange')) addExchange(one, 'message/ohttp-req', 'message/ohttp-res')
  for (const one of casesOf('chunked-exchange'))
    addExchange(one, 'message/ohttp-chunked-req', 'message/ohttp-chunked-res')
  for (const file of ['ohttp-invalid', 'chunked-invalid']) addInvalid(file)
  for (const file of ['hpke-rfc9180-base', 'hpke-pq']) for (const one of casesOf(file)) addHpke(one)

  for (const file of ['privacypass-type1', 'privacypass-type2']) {
    for (const one of casesOf(file)) {
      add([{ ...one, id: `${String(one['id'])}/verify`, op: 'privacypass.verify' }], gives({ nonce: one['nonce'] }))
    }
  }
  const { verifier } = (sharedVectors('privacypass-invalid') ?? {}) as { verifier?: Json }
  for (const one of casesOf('privacypass-invalid')) {
    add([{ ...verifier, ...one, id: `${String(one['id'])}/verify`, op: 'privacypass.verify' }], refuses)
    // Presented once, the token of the double spend is as good as any.
    if (one['sequence'] === undefined) continue
    const once = { ...verifier, ...one, sequence: undefined, id: `${String(one['id'])}/once`, op: 'privacypass.verify' }
    add([once], (answer) => expect(answer.ok).toEqual({ nonce: String(one['token']).slice(4, 68) }))
  }

  function plaintexts(one: Json, name: string): string[] | undefined {
    return (one[name] as { plaintext: string }[] | undefined)?.map(({ plaintext }) => plaintext)
  }

  function addExchange(one: Json, requestType: string, responseType: string): void {
    const id = String(one['id'])
    const unknown = ![1].includes(one['kdf_id'] as number) || ![16, 32, 0x647a].includes(one['kem_id'] as number)
    const suites = [{ kdf_id: one['kdf_id'], aead_id: one['aead_id'] }]
    const keys = [{ key_id: one['key_id'], kem_id: one['kem_id'], skR: one['skR'], suites }]
    const chunks = { request: plaintexts(one, 'request_chunks'), response: plaintexts(one, 'response_chunks') }
    const check = (ok: unknown) =>
      unknown ? (answer: Answer) => expect(answer.refused).toBe('unsupported-suite') : gives(ok)
    const whole = one['encapsulated_request']
    const opened = { request: one['request'], ...(chunks.request && { chunks: chunks.request }) }
    add(reads({ id, keys, media_type: requestType, hex: whole }, 'ohttp.open'), check(opened))
    const request = chunks.request ? { request_chunks: chunks.request } : { request: one['request'] }
    if (one['ohttp_keys'] !== undefined) {
      add(
        [
          {
            ...one,
            request_chunks: undefined,
            ...request,
            id: `${id}/seal`,
            op: 'ohttp.seal',
            media_type: requestType,
          },
        ],
        check({ encapsulated: whole }),
      )
    }
    if (one['encapsulated_response'] === undefined) return
    // We write lengths in their shortest form; that longer ones are read is shown below.
    const writable = id !== 'chunked-nonminimal-varint'
    const response = chunks.response ? { response_chunks: chunks.response } : { response: one['response'] }
    const nonce = one['response_nonce']
    const answered = {
      id: `${id}/answer`,
      op: 'ohttp.response.seal',
      keys,
      media_type: requestType,
      encapsulated_request: whole,
    }
    if (writable)
      add([{ ...answered, ...response, response_nonce: nonce }], check({ encapsulated: one['encapsulated_response'] }))
    if (one['skE'] === undefined) return
    const read = {
      response: one['response'] ?? chunks.response?.join(''),
      ...(chunks.response && { chunks: chunks.response }),
    }
    const from = { id, client_context: one, media_type: responseType, hex: one['encapsulated_response'] }
    add(reads(from, 'ohttp.response.open'), check(read))
  }

  function addInvalid(file: string): void {
    const { gateway_keys: keys } = (sharedVectors(file) ?? {}) as { gateway_keys?: unknown }
    // Some messages are sound for this layer; what is wrong with them is Binary HTTP's or HTTP's to say.
    const deeper = (one: Json): boolean =>
      (one['expect'] as { layer?: string }).layer === 'inside' ||
      ['WRONG_MESSAGE_KIND', 'BAD_STATUS', 'REPLAY'].includes(String(one['reason']))
    for (const one of casesOf(file)) {
      const op = one['direction'] === 'request' ? 'ohttp.open' : 'ohttp.response.open'
      const check = deeper(one) ? (answer: Answer) => expect(answer.ok).toBeTypeOf('object') : refuses
      add(reads(one, op, { keys }), check)
    }
  }

  function addHpke(one: Json): void {
    const id = String(one['id'])
    const encryptions = one['encryptions'] as { seq?: number; aad: string; pt: string; ct: string }[]
    const direct = encryptions.filter(({ seq }, index) => (seq ?? index) === index)
    const exported = (one['exports'] as { exported_value: string }[]).map(({ exported_value }) => exported_value)
    const ours =
      one['kdf_id'] === 1 && [16, 32, 0x647a].includes(one['kem_id'] as number) && (one['aead_id'] as number) <= 3
    const check = (ok: unknown) =>
      ours ? gives(ok) : (answer: Answer) => expect(answer.refused).toBe('unsupported-suite')
    const sealed = { enc: one['enc'], ct: direct.map(({ ct }) => ct), exported }
    add([{ ...one, id: `${id}/seal`, op: 'hpke.seal', messages: direct }], check(sealed))
    add(
      [{ ...one, id: `${id}/open`, op: 'hpke.open', messages: direct }],
      check({ pt: direct.map(({ pt }) => pt), exported }),
    )
  }

  beforeAll(async () => {
    answers = new Map((await ask(cases)).map((answer) => [answer.id, answer]))
  }, 120_000)

  test('one answer for each case, none of them a crash', () => {
    expect(cases.length).toBeGreaterThan(600)
    expect(answers.size).toBe(cases.length)
    expect([...answers.values()].filter(({ crash, unsupported }) => crash ?? unsupported)).toEqual([])
  })

  test.each(cases.map(({ id }) => id))('%s', (id) => {
    expected.get(id)?.(answers.get(id) ?? { id })
  })
})
