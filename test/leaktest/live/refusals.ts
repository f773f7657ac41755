/**
 * What must be refused, and must look alike while it is: one group, one look. privacy.md 2.9, wire.md "Errors". Before a
 * request opens there is one plain answer; afterwards all answers are sealed and of one size; the relay's own are constants.
 */
import { randomBytes } from 'node:crypto'
import { appOrigin } from '../../../deploy/local/pair/settings.ts'
import { encode } from '../../../shared/bhttp/encode.ts'
import { paddingFor } from '../../../shared/bhttp/padding.ts'
import type { BinaryRequest } from '../../../shared/bhttp/message.ts'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { parseKeyConfigs, selectKey, type Selection } from '../../../shared/ohttp/key-config.ts'
import { requestOverhead, sealRequest } from '../../../shared/ohttp/request.ts'
import type { LabClient } from './client.ts'
import { maskedHead } from './heads.ts'
import type { RawAnswer } from './raw-answer.ts'

export type Refusal = {
  readonly kind: string
  readonly group: string
  /** everything about the answer that its reader can tell */
  readonly try: (client: LabClient, place: Place) => Promise<string>
}

/** Where sealed requests go, what they may ask for, and where the keys are that they are sealed to. */
export type Place = {
  readonly path: string
  readonly resource: URL
  readonly keyList: (client: LabClient) => Promise<Uint8Array>
}

export const ownPlace: Place = {
  path: '/',
  resource: new URL(appOrigin),
  keyList: async (client) => (await client.send({ method: 'GET', path: '/.well-known/ohttp-gateway' })).body,
}

const requestType = 'message/ohttp-req'

/** Sealed for the gateway, then damaged. */
function unopened(kind: string, damage: (message: Buffer) => Buffer): Refusal {
  return {
    kind,
    group: 'unopened',
    try: async (client, place) => {
      const key = await keyFor(client, place)
      const { message } = await sealRequest(nodeHpke, key.config, key.suite, contentOf(client, key, place))
      return looksOf(await post(client, place, damage(Buffer.from(message))))
    },
  }
}

/** Opens, and is refused inside: the answer is sealed, so all that shows is its head and length. */
function sealed(
  kind: string,
  content: (client: LabClient, key: Selection, place: Place) => Uint8Array,
  times = 1,
): Refusal {
  return {
    kind,
    group: 'sealed',
    try: async (client, place) => {
      const key = await keyFor(client, place)
      const { message } = await sealRequest(nodeHpke, key.config, key.suite, content(client, key, place))
      let answer = await post(client, place, message)
      for (let i = 1; i < times; i++) answer = await post(client, place, message)
      const { status, head, body } = answer
      return `${String(status)} ${maskedHead(head)} ${String(body.length)} octets`
    },
  }
}

/** What the relay refuses by itself: each is a group of its own, the same for every client. */
function relays(kind: string, method: string, path?: string, type?: string): Refusal {
  return {
    kind,
    group: `relay: ${kind}`,
    try: async (client, place) => {
      const fields: [string, string][] = type === undefined ? [] : [['Content-Type', type]]
      const body = method === 'POST' ? Buffer.from('nothing') : undefined
      return looksOf(
        await client.send({ method, path: path ?? place.path, fields, ...(body === undefined ? {} : { body }) }),
      )
    },
  }
}

export const refusals: readonly Refusal[] = [
  unopened('unknown key', (message) => changed(message, 0, 0x55)),
  unopened('other KEM', (message) => changed(message, 2, 0x30)),
  unopened('other AEAD', (message) => changed(message, 6, 0x07)),
  unopened('point of low order', (message) =>
    Buffer.concat([message.subarray(0, 7), Buffer.alloc(32), message.subarray(39)]),
  ),
  unopened('flipped tag', (message) => changed(message, message.length - 1, 1)),
  unopened('cut inside of enc', (message) => message.subarray(0, 30)),
  unopened('header alone', (message) => message.subarray(0, 7)),
  sealed('no Binary HTTP', (_, key) => randomBytes(900 - requestOverhead(key.config.kem, key.suite))),
  sealed('replay', contentOf, 2),
  sealed('stale date', (client, key, place) =>
    contentOf(client, key, place, { date: 'Mon, 01 Jan 2024 00:00:00 GMT' }),
  ),
  sealed('other target', (client, key, place) => contentOf(client, key, place, { authority: 'elsewhere.example' })),
  sealed('no authority', (client, key, place) => contentOf(client, key, place, { authority: '' })),
  sealed('CONNECT', (client, key, place) => contentOf(client, key, place, { method: 'CONNECT' })),
  sealed('Expect', (client, key, place) => contentOf(client, key, place, { expect: '100-continue' })),
  relays('no such resource', 'POST', '/nothing/here', requestType),
  relays('other method', 'PUT'),
  relays('other media type', 'POST', undefined, 'text/plain'),
  relays('no media type', 'POST'),
  relays('OPTIONS of a mirror', 'OPTIONS', '/.well-known/ohttp-gateway'),
]

type Inside = {
  readonly authority?: string
  readonly method?: string
  readonly date?: string
  readonly expect?: string
}

/** As a client might do it that neither pads nor rounds its clock: for a control. */
export async function sealCarelessly(client: LabClient, place: Place): Promise<{ message: Buffer; inside: Buffer }> {
  const key = await keyFor(client, place)
  const date = new Date(Math.floor(Date.now() / 60_000) * 60_000 + 7_000).toUTCString()
  const whole = Buffer.from(contentOf(client, key, place, { date }))
  // Its last octet that is not zero ends the content; what follows may be left out (RFC 9292 §3.8).
  const inside = whole.subarray(0, whole.findLastIndex((octet) => octet !== 0) + 1)
  const { message } = await sealRequest(nodeHpke, key.config, key.suite, inside)
  return { message: Buffer.from(message), inside }
}

/** As a client ought to: padded, its clock rounded. For pairs that know no other client of ours. */
export async function sealProperly(client: LabClient, place: Place): Promise<{ message: Buffer; inside: Buffer }> {
  const key = await keyFor(client, place)
  const inside = Buffer.from(contentOf(client, key, place))
  const { message } = await sealRequest(nodeHpke, key.config, key.suite, inside)
  return { message: Buffer.from(message), inside }
}

/** A padded request that carries the client's canaries inside. */
function contentOf(
  { planted }: LabClient,
  { config, suite }: Selection,
  { resource }: Place,
  inside: Inside = {},
): Uint8Array {
  const { authority = resource.host, method = 'POST', date = minute(), expect } = inside
  const { path, query, header, prompt } = planted.inner
  const message = (padding: number): BinaryRequest => ({
    ...{ kind: 'request', framing: 'known', method, scheme: 'https', authority, path: `${path}${query}`, padding },
    headers: [['x-mark', header], ['date', date], ...(expect === undefined ? [] : [['expect', expect] as const])],
    content: Buffer.from(JSON.stringify({ prompt, answer: { length: 20, says: prompt } })),
    trailers: [],
  })
  const plain = encode(message(0)).length
  return encode(message(paddingFor(plain, requestOverhead(config.kem, suite))))
}

function minute(): string {
  return new Date(Math.floor(Date.now() / 60_000) * 60_000).toUTCString()
}

async function keyFor(client: LabClient, { keyList }: Place): Promise<Selection> {
  return selectKey(parseKeyConfigs(Uint8Array.from(await keyList(client))), nodeHpke.supports)
}

export function post(client: LabClient, { path }: Place, body: Uint8Array): Promise<RawAnswer> {
  return client.send({ path, fields: [['Content-Type', requestType]], body })
}

function looksOf({ status, head, body }: RawAnswer): string {
  return `${String(status)} ${maskedHead(head)} ${body.toString('latin1')}`
}

function changed(message: Buffer, at: number, by: number): Buffer {
  const copy = Buffer.from(message)
  copy[at] = (copy[at] ?? 0) ^ by
  return copy
}
