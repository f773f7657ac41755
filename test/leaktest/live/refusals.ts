/**
 * What must be refused, and must look alike while it is: one group, one look. privacy.md 2.9, wire.md "Errors". Before a
 * request opens there is one plain answer; afterwards all answers are sealed and of one size; the relay's own are constants.
 */
import { randomBytes } from 'node:crypto'
import { nodeHpke } from '../../../shared/hpke/node.ts'
import { requestOverhead, sealRequest } from '../../../shared/ohttp/request.ts'
import type { LabClient } from './client.ts'
import { maskedHead } from './heads.ts'
import { carelessly, contentOf, mirrored, type Made, type Place, type Wrong } from './place.ts'
import type { RawAnswer } from './raw-answer.ts'

export type Tried = {
  /** everything about the answer that its reader can tell */
  readonly looks: string
  /** the inner message, where the CVM is to refuse it */
  readonly inner?: Buffer | undefined
}

export type Refusal = {
  readonly kind: string
  readonly group: string
  /** in `sealed`: what the CVM's own answers must look like each other in */
  readonly innerGroup?: 'unopened' | 'opened'
  /** its length is none that a client's message has */
  readonly offGrid?: true
  readonly try: (client: LabClient, place: Place) => Promise<Tried>
}

const requestType = 'message/ohttp-req'

async function messageOf({ content, key }: Made): Promise<Buffer> {
  const { message } = await sealRequest(nodeHpke, key.config, key.suite, content)
  return Buffer.from(message)
}

/** Sealed for the gateway, then damaged. */
function unopened(kind: string, damage: (message: Buffer) => Buffer): Refusal {
  return {
    kind,
    group: 'unopened',
    try: async (client, place) => {
      const message = await messageOf(await contentOf(client, place))
      return { looks: looksOf(await post(client, place, damage(message))) }
    },
  }
}

/** Opens, and is refused inside: the answer is sealed, so all that shows is its head and length. */
function sealed(
  kind: string,
  content: (client: LabClient, place: Place) => Promise<Made>,
  { times = 1 }: { readonly times?: number } = {},
): Refusal {
  return {
    kind,
    group: 'sealed',
    try: async (client, place) => {
      const message = await messageOf(await content(client, place))
      let answer = await post(client, place, message)
      for (let i = 1; i < times; i++) answer = await post(client, place, message)
      return { looks: sealedLooks(answer) }
    },
  }
}

/** Of `sealed`: the outer layer is as it should be, and the CVM has to refuse what is in it. Outside that looks like the others. */
function within(kind: string, innerGroup: 'unopened' | 'opened', wrong: Wrong): Refusal {
  return {
    ...{ kind: `inner: ${kind}`, group: 'sealed', innerGroup },
    try: async (client, place) => {
      const made = await contentOf(client, place, wrong)
      return { looks: sealedLooks(await post(client, place, await messageOf(made))), inner: made.inner }
    },
  }
}

/** The same inner message in two outer ones, as the gateway's operator might send it. */
const innerReplay: Refusal = {
  ...{ kind: 'inner: replay', group: 'sealed', innerGroup: 'opened' },
  try: async (client, place) => {
    const first = await contentOf(client, place)
    await post(client, place, await messageOf(first))
    const again = await contentOf(client, place, first.inner === undefined ? {} : { innerMessage: first.inner })
    return { looks: sealedLooks(await post(client, place, await messageOf(again))), inner: first.inner }
  },
}

function sealedLooks({ status, head, body }: RawAnswer): string {
  return `${String(status)} ${maskedHead(head)} ${String(body.length)} octets`
}

/** What the relay refuses by itself: each is a group of its own, the same for every client. */
function relays(kind: string, method: string, path?: string, type?: string): Refusal {
  return {
    kind,
    group: `relay: ${kind}`,
    try: async (client, place) => {
      const fields: [string, string][] = type === undefined ? [] : [['Content-Type', type]]
      const body = method === 'POST' ? Buffer.from('nothing') : undefined
      const sending = { method, path: path ?? place.path, fields, ...(body === undefined ? {} : { body }) }
      return { looks: looksOf(await client.send(sending)) }
    },
  }
}

const stale = { date: 'Mon, 01 Jan 2024 00:00:00 GMT' } as const

async function noBinaryHttp(client: LabClient, place: Place): Promise<Made> {
  const made = await contentOf(client, place)
  const { config, suite } = made.key
  return { ...made, content: randomBytes(1024 - requestOverhead(config.kem, suite)) }
}

export const refusals: readonly Refusal[] = [
  unopened('unknown key', (message) => changed(message, 0, 0x55)),
  unopened('other KEM', (message) => changed(message, 2, 0x30)),
  unopened('other AEAD', (message) => changed(message, 6, 0x07)),
  unopened('point of low order', (message) =>
    Buffer.concat([message.subarray(0, 7), Buffer.alloc(32), message.subarray(39)]),
  ),
  unopened('flipped tag', (message) => changed(message, message.length - 1, 1)),
  { ...unopened('cut inside of enc', (message) => message.subarray(0, 30)), offGrid: true },
  { ...unopened('header alone', (message) => message.subarray(0, 7)), offGrid: true },
  sealed('no Binary HTTP', noBinaryHttp),
  sealed('replay', contentOf, { times: 2 }),
  sealed('stale date', (client, place) => contentOf(client, place, { outer: stale })),
  sealed('other target', (client, place) => contentOf(client, place, { outer: { authority: 'elsewhere.example' } })),
  sealed('no authority', (client, place) => contentOf(client, place, { outer: { authority: '' } })),
  sealed('CONNECT', (client, place) => contentOf(client, place, { outer: { method: 'CONNECT' } })),
  sealed('Expect', (client, place) => contentOf(client, place, { outer: { expect: '100-continue' } })),
  relays('no such resource', 'POST', '/nothing/here', requestType),
  relays('other method', 'PUT'),
  relays('other media type', 'POST', undefined, 'text/plain'),
  relays('no media type', 'POST'),
  relays('OPTIONS of a mirror', 'OPTIONS', mirrored.bundle),
]

/** What only a CVM can find: in placement `sealed`, besides the others. */
export const innerRefusals: readonly Refusal[] = [
  within('unknown key', 'unopened', { damage: (message) => changed(message, 0, 0x55) }),
  within('other AEAD', 'unopened', { damage: (message) => changed(message, 6, 0x07) }),
  within('flipped tag', 'unopened', { damage: (message) => changed(message, message.length - 1, 1) }),
  within('no Binary HTTP', 'opened', { innerNoise: true }),
  within('stale date', 'opened', { inner: stale }),
  within('other target', 'opened', { inner: { authority: 'elsewhere.example' } }),
  within('CONNECT', 'opened', { inner: { method: 'CONNECT' } }),
  innerReplay,
]

/** As a client might do it that neither pads nor rounds its clock: for a control. */
export async function sealCarelessly(client: LabClient, place: Place): Promise<{ message: Buffer; inside: Buffer }> {
  const made = await carelessly(client, place)
  return { message: await messageOf(made), inside: Buffer.from(made.content) }
}

/** As a client ought to: padded, its clock rounded. For pairs that know no other client of ours. */
export async function sealProperly(client: LabClient, place: Place): Promise<{ message: Buffer; inside: Buffer }> {
  const made = await contentOf(client, place)
  return { message: await messageOf(made), inside: Buffer.from(made.content) }
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
