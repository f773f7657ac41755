/**
 * Where the lab's clients send what they seal by hand, and how such a message is made in each placement: for mistakes
 * that the product's own client does not make. In `sealed` a message has two layers. trust.md 2, 3, 5.
 */
import { randomBytes } from 'node:crypto'
import { appOrigin } from '../../../deploy/local/pair/settings.ts'
import { readBundle } from '../../../shared/attestation/bundle-note.ts'
import { encode } from '../../../shared/bhttp/encode.ts'
import type { BinaryRequest } from '../../../shared/bhttp/message.ts'
import { paddingFor } from '../../../shared/bhttp/padding.ts'
import { innerBucket, innerPaddingFor } from '../../../shared/bhttp/sealed-padding.ts'
import { addressOf, type SealingCvm } from '../../../shared/client/cvms.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { parseKeyConfig, parseKeyConfigs, selectKey, type Selection } from '../../../shared/ohttp/key-config.ts'
import { sealed } from '../../../shared/ohttp/labels.ts'
import { requestOverhead, sealRequest } from '../../../shared/ohttp/request.ts'
import type { Placement } from '../contract.ts'
import type { LabClient } from './client.ts'

/** Where sealed requests go, what they may ask for, and where the keys are that they are sealed to. */
export type Place = {
  readonly path: string
  readonly resource: URL
  readonly keyList: (client: LabClient) => Promise<Uint8Array>
  /** in `sealed`: one of the CVMs */
  readonly cvm?: (client: LabClient) => Promise<SealingCvm>
}

const ours = { path: '/', resource: new URL(appOrigin) } as const

async function fetched(client: LabClient, path: string): Promise<Uint8Array> {
  return Uint8Array.from((await client.send({ method: 'GET', path })).body)
}

/** There is no bare list in `sealed`: keys are the bundle's. */
export function placeIn(placement: Placement): Place {
  if (placement !== 'sealed') return { ...ours, keyList: (client) => fetched(client, mirrored.keys) }
  const bundle = async (client: LabClient) => readBundle(await fetched(client, mirrored.bundle))
  return {
    ...ours,
    keyList: async (client) => (await bundle(client)).keys,
    cvm: async (client) => {
      const said = await bundle(client)
      const [first] = said.placement === 'front' ? [] : said.cvms
      if (first === undefined) throw new TypeError('a bundle without CVMs')
      return { id: first.id, key: selectKey([parseKeyConfig(first.keyConfig)], nodeHpke.supports) }
    },
  }
}

export const mirrored = { bundle: '/.well-known/asunder-bundle', keys: '/.well-known/ohttp-gateway' } as const

/** What a request says of itself; what is left out is as it should be. */
export type Inside = {
  readonly authority?: string
  readonly method?: string
  readonly date?: string
  readonly expect?: string
}

/** What is to be wrong with a message, in which layer. */
export type Wrong = {
  readonly outer?: Inside
  readonly inner?: Inside
  /** noise instead of a request, in the inner layer */
  readonly innerNoise?: true
  /** done to the inner message when it is sealed */
  readonly damage?: (message: Buffer) => Buffer
  /** an inner message from before */
  readonly innerMessage?: Uint8Array
}

export type Made = { readonly content: Uint8Array; readonly key: Selection; readonly inner: Buffer | undefined }

/** A padded request that carries the client's canaries, in `sealed` for the CVM alone. */
export async function contentOf(client: LabClient, place: Place, wrong: Wrong = {}): Promise<Made> {
  const key = await keyFor(client, place)
  const { outer = {} } = wrong
  if (place.cvm === undefined) {
    const request = asked(client, place, outer)
    return { content: padded(request, paddingFor, key), key, inner: undefined }
  }
  const cvm = await place.cvm(client)
  const inner = wrong.innerMessage ?? (await innerMessage(client, place, cvm, wrong))
  return { content: padded(around(inner, cvm, outer), paddingFor, key), key, inner: Buffer.from(inner) }
}

async function innerMessage(client: LabClient, place: Place, { key }: SealingCvm, wrong: Wrong): Promise<Buffer> {
  const { inner = {}, damage = unchanged } = wrong
  const noise = innerBucket(1) - requestOverhead(key.config.kem, key.suite)
  const content =
    wrong.innerNoise === true ? randomBytes(noise) : padded(asked(client, place, inner), innerPaddingFor, key)
  const { message } = await sealRequest(nodeHpke, key.config, key.suite, content, sealed)
  return damage(Buffer.from(message))
}

function unchanged(message: Buffer): Buffer {
  return message
}

/** As a client might do it that neither pads nor rounds its clock, and knows of no CVM: for a control. */
export async function carelessly(client: LabClient, place: Place): Promise<Made> {
  const date = new Date(Math.floor(Date.now() / 60_000) * 60_000 + 7_000).toUTCString()
  const request = asked(client, place, { date })
  return { content: encode({ ...request, padding: 0 }), key: await keyFor(client, place), inner: undefined }
}

export async function keyFor(client: LabClient, { keyList }: Place): Promise<Selection> {
  return selectKey(parseKeyConfigs(Uint8Array.from(await keyList(client))), nodeHpke.supports)
}

function asked({ planted }: LabClient, { resource }: Place, inside: Inside): BinaryRequest {
  const { path, query, header, prompt } = planted.inner
  const content = Buffer.from(JSON.stringify({ prompt, answer: { length: 20, says: prompt } }))
  return requestOf({ authority: resource.host, ...inside }, `${path}${query}`, [['x-mark', header]], content)
}

/** The outer request of `sealed`, which says nothing but for which CVM it is. */
function around(inner: Uint8Array, cvm: SealingCvm, inside: Inside): BinaryRequest {
  const { host, pathname } = addressOf(cvm)
  return requestOf({ authority: host, ...inside }, pathname, [['content-type', mediaTypes.sealedRequest]], inner)
}

function requestOf(
  { authority = '', method = 'POST', date = minute(), expect }: Inside,
  path: string,
  fields: BinaryRequest['headers'],
  content: Uint8Array,
): BinaryRequest {
  const more = expect === undefined ? [] : [['expect', expect] as const]
  return {
    ...{ kind: 'request', framing: 'known', method, scheme: 'https', authority, path, padding: 0 },
    headers: [...fields, ['date', date], ...more],
    content: Uint8Array.from(content),
    trailers: [],
  }
}

function padded(request: BinaryRequest, padding: typeof paddingFor, { config, suite }: Selection): Uint8Array {
  const plain = encode(request).length
  return encode({ ...request, padding: padding(plain, requestOverhead(config.kem, suite)) })
}

function minute(): string {
  return new Date(Math.floor(Date.now() / 60_000) * 60_000).toUTCString()
}
