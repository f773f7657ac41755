/** Door ops of Oblivious HTTP: key lists, and requests and responses of both families from either side. */
import { concat, fromHex, hex, type Bytes } from '../../shared/bytes.ts'
import { createNodeHpke, nodeHpke } from '../../shared/hpke/node.ts'
import { kemOf, requireKem, suiteOf, type SymmetricSuite } from '../../shared/hpke/suites.ts'
import { familyOf, mediaTypes, type Family } from '../../shared/http/media-types.ts'
import { RequestChunkOpener, sealRequestChunks, type ResponseChunkOpener } from '../../shared/ohttp/chunked.ts'
import { createGatewayKey, type KeyFinder } from '../../shared/ohttp/gateway-key.ts'
import {
  createKeyConfig,
  parseKeyConfigs,
  selectKey,
  serializeKeyConfigs,
  type KeyConfig,
  type KeyConfigEntry,
} from '../../shared/ohttp/key-config.ts'
import { openRequest, sealRequest } from '../../shared/ohttp/request.ts'
import { Refusal } from '../../shared/refusal.ts'
import { encapsulateWith } from '../shared/hpke/encapsulation-seam.ts'
import { made, type Case, type Op } from './case.ts'
import { encapsulationOf, suiteIn } from './ops-hpke.ts'

export const ohttpOps: Readonly<Record<string, Op>> = {
  'keys.parse': (input) => parseKeyConfigs(input.hex('hex')).map(entryOut),
  'keys.serialize': serialize,
  'ohttp.open': (input) => (family(input) === 'standard' ? openWhole(input) : openChunks(input)),
  'ohttp.seal': (input) => (family(input) === 'standard' ? sealWhole(input) : sealChunks(input)),
  'ohttp.response.seal': (input) => (family(input) === 'standard' ? answerWhole(input) : answerChunks(input)),
  'ohttp.response.open': (input) => (family(input) === 'standard' ? readWhole(input) : readChunks(input)),
}

/** The media type may be given as the request's or the response's. */
function family(input: Case): Family {
  const type = input.text('media_type')
  const found = familyOf(type === mediaTypes.response ? mediaTypes.request : type)
  if (found !== undefined) return found
  if (type === mediaTypes.chunkedResponse) return 'chunked'
  throw new Refusal('bad-encoding', 'media_type is none of ours')
}

function entryOut(entry: KeyConfigEntry): object {
  if (!('kem' in entry)) return { key_id: entry.keyId, kem_id: entry.kemId, usable: false }
  const suites = entry.offered.map(({ kdfId, aeadId }) => ({ kdf_id: kdfId, aead_id: aeadId }))
  return { key_id: entry.keyId, kem_id: entry.kem.id, public_key: hex(entry.publicKey), suites }
}

function serialize(input: Case): string {
  const entries = entriesIn(input).map(entryIn)
  const bytes = made(() => serializeKeyConfigs(entries))
  // What is written must be what we would read: lengths of keys and lists are the reader's to judge.
  parseKeyConfigs(bytes)
  return hex(bytes)
}

function entriesIn(input: Case): Case[] {
  for (const name of ['decoded', 'list', 'configs', 'keys']) if (input.has(name)) return input.list(name)
  throw new Refusal('bad-encoding', 'decoded, list, configs or keys is needed')
}

function entryIn(from: Case): KeyConfigEntry {
  const keyId = from.integer('key_id')
  const kem = requireKem(from.integer('kem_id'))
  const offered = from.list('suites').map((ids) => ({ kdfId: ids.integer('kdf_id'), aeadId: ids.integer('aead_id') }))
  const suites = offered.flatMap((ids) => suiteOf(ids) ?? [])
  return { keyId, kem, publicKey: from.hex('public_key'), suites, offered }
}

/** Keys of a case: those outside our table are not ours to hold, so a request that names one finds none of it. */
function finder(input: Case, random?: () => Bytes): KeyFinder {
  const keys = input.list('keys').map((from) => () => {
    const kem = requireKem(from.integer('kem_id'))
    const suites = from.list('suites').map(suiteIn)
    const dice = random === undefined ? {} : { random }
    const [keyId, privateKey] = [from.integer('key_id'), from.hex('skR')]
    return made(() => createGatewayKey({ keyId, kem, privateKey, suites, ...dice }))
  })
  const ids = input.list('keys').map((from) => from.integer('key_id'))
  return (keyId) => keys[ids.indexOf(keyId)]?.()
}

function openWhole(input: Case): object {
  return { request: hex(openRequest(finder(input), concat(...input.pieces())).content) }
}

function openChunks(input: Case): object {
  const opener = new RequestChunkOpener(finder(input))
  const chunks = [...input.pieces().flatMap((piece) => opener.push(piece)), ...opener.end()]
  return { request: hex(concat(...chunks)), chunks: chunks.map(hex) }
}

function selection(input: Case): { config: KeyConfig; suite: SymmetricSuite } {
  const list = parseKeyConfigs(input.hex('ohttp_keys'))
  const wanted = input.has('key_id') ? list.filter(({ keyId }) => keyId === input.integer('key_id')) : list
  const suite = input.has('kdf_id') || input.has('aead_id') ? suiteIn(input) : undefined
  return selectKey(wanted, (kem, offer) => {
    return (
      nodeHpke.supports(kem, offer) && (suite === undefined || (offer.kdf === suite.kdf && offer.aead === suite.aead))
    )
  })
}

/** With dice from the case where it has them; otherwise as the client does it, with real ones. */
function backend(input: Case): typeof nodeHpke {
  return input.has('skE') || input.has('encaps_randomness')
    ? createNodeHpke({ encapsulate: encapsulationOf(input) })
    : nodeHpke
}

async function sealWhole(input: Case): Promise<object> {
  const { config, suite } = selection(input)
  return { encapsulated: hex((await sealRequest(backend(input), config, suite, input.hex('request'))).message) }
}

async function sealChunks(input: Case): Promise<object> {
  const { config, suite } = selection(input)
  const sealer = await sealRequestChunks(backend(input), config, suite)
  const chunks = input.has('request_chunks') ? input.hexes('request_chunks') : [input.hex('request')]
  const parts: Bytes[] = [sealer.head]
  for (const chunk of chunks.slice(0, -1)) parts.push(await sealer.seal(chunk))
  parts.push(await sealer.final(chunks.at(-1)))
  return { encapsulated: hex(concat(...parts)) }
}

function answerWhole(input: Case): object {
  const opened = openRequest(answering(input), input.hex('encapsulated_request'))
  return { encapsulated: hex(opened.sealResponse(input.hex('response'))) }
}

function answerChunks(input: Case): object {
  const opener = new RequestChunkOpener(answering(input))
  opener.push(input.hex('encapsulated_request'))
  opener.end()
  const sealer = opener.response()
  const chunks = input.has('response_chunks') ? input.hexes('response_chunks') : [input.hex('response')]
  const before = chunks.slice(0, -1).map((chunk) => sealer.seal(chunk))
  return { encapsulated: hex(concat(sealer.head, ...before, sealer.final(chunks.at(-1)))) }
}

function answering(input: Case): KeyFinder {
  return input.has('response_nonce') ? finder(input, () => input.hex('response_nonce')) : finder(input)
}

/** The client as it stood when it had sent the request: the same key, suite and ephemeral key. */
function client(input: Case) {
  const from = input.object('client_context')
  const kem = kemOf(from.integer('kem_id')) ?? requireKem(from.integer('kem_id'))
  const suite = suiteIn(from)
  const encapsulate = from.has('skE') ? encapsulateWith(from.hex('skE')) : encapsulationOf(from)
  const config = createKeyConfig({ keyId: from.integer('key_id'), kem, publicKey: from.hex('pkR'), suites: [suite] })
  return { hpke: createNodeHpke({ encapsulate }), config, suite, enc: from.has('enc') ? from.text('enc') : undefined }
}

async function readWhole(input: Case): Promise<object> {
  const { hpke, config, suite, enc } = client(input)
  const sent = await sealRequest(hpke, config, suite, fromHex(''))
  sameEnc(enc, sent.enc)
  return { response: hex(await sent.openResponse(concat(...input.pieces()))) }
}

async function readChunks(input: Case): Promise<object> {
  const { hpke, config, suite, enc } = client(input)
  const sent = await sealRequestChunks(hpke, config, suite)
  sameEnc(enc, sent.enc)
  const chunks = await openAll(sent.response(), input.pieces())
  return { response: hex(concat(...chunks)), chunks: chunks.map(hex) }
}

function sameEnc(enc: string | undefined, ours: Bytes): void {
  if (enc !== undefined && enc !== hex(ours))
    throw new Refusal('bad-encoding', 'client_context: enc is not that of skE')
}

async function openAll(opener: ResponseChunkOpener, pieces: readonly Bytes[]): Promise<Bytes[]> {
  const opened: Bytes[] = []
  for (const piece of pieces) opened.push(...(await opener.push(piece)))
  return [...opened, ...(await opener.end())]
}
