/** X01-X08: a gateway operator and a relay against the sealed exchange. trust.md 3 and 5. */
import { readBundle, signBundle } from '../../../../shared/attestation/bundle.ts'
import { cvmId } from '../../../../shared/attestation/bundle-fields.ts'
import { keyResources } from '../../../../shared/attestation/key-evidence.ts'
import { decodeResponse } from '../../../../shared/bhttp/decode.ts'
import { encode } from '../../../../shared/bhttp/encode.ts'
import type { DecodedResponse } from '../../../../shared/bhttp/message.ts'
import { nodeHpke } from '../../../../shared/hpke/node.ts'
import { mediaTypes } from '../../../../shared/http/media-types.ts'
import {
  parseKeyConfig,
  parseKeyConfigs,
  selectKey,
  serializeKeyConfigs,
  type Selection,
} from '../../../../shared/ohttp/key-config.ts'
import { sealed } from '../../../../shared/ohttp/labels.ts'
import { sealRequest, type SealedRequest } from '../../../../shared/ohttp/request.ts'
import { blocked, exposed, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { sealedPlace, type SealedPlace } from '../../pair/sealed.ts'
import { binaryRequest } from '../../roles/client.ts'
import { bundleOver, impostor, isBundle, newKey, shown } from '../../roles/directory.ts'
import { relayX, type Letter, type Reply } from '../../roles/relay.ts'
import { asked } from '../../roles/wire.ts'
import { demand, endOf, secret, target, words } from '../common.ts'
import { opensWithFile } from './outer-key.ts'

const onSealed = {
  ...{ placements: ['sealed'], profiles: ['direct'], severity: 8, score: 'B', expects: ['BLOCKED'], quick: true },
  ...{ subject: ['gateway', 'cvm'], control: sealedAnswers },
  withoutNaive: 'the naive pair has no sealed exchange to attack',
} as const satisfies Partial<Scenario>
const given = 'the gateway’s operator holds the outer keys, and with them every inner message as it came'

export const sealedScenarios: readonly Scenario[] = [
  {
    ...onSealed,
    id: 'X01',
    title: 'an inner message once more to the same CVM',
    given,
    does: 'puts it into a new outer request and sends that',
    shows: 'the CVM remembers what its key opened: the app is asked once',
    attack: (stage) => resubmitted(stage, (place) => Promise.resolve(place.gateway.url), 0),
  },
  {
    ...onSealed,
    id: 'X02',
    title: 'an inner message once more after the gateway forgot everything',
    given,
    does: 'starts a gateway with an empty store and sends it there',
    shows: 'the claims that count live in the CVM: the app is asked once',
    attack: (stage) => resubmitted(stage, (place) => place.again('forgotten.db'), 0),
  },
  {
    ...onSealed,
    id: 'X03',
    title: 'an inner message to a sibling',
    given,
    does: 'addresses it to another CVM of the same policy',
    shows: 'the sibling has not that key: it opens nothing',
    attack: (stage) => resubmitted(stage, (place) => Promise.resolve(place.gateway.url), 1),
  },
  {
    ...onSealed,
    id: 'X04',
    quick: false,
    title: 'failures that steer to one CVM',
    given: 'the gateway’s operator has a favourite among three CVMs',
    does: 'lets requests to all others fail, sixty calls long',
    shows: 'one retry at most, to a CVM of the client’s choice; a third of the calls fail, and their callers are told',
    subject: ['client'],
    attack: steered,
  },
  {
    ...onSealed,
    id: 'X05',
    title: 'the key list swapped by the relay',
    given: 'the relay hands out the bundle',
    does: 'hands out one with an inner key of its own, signed by somebody else, then with the publisher’s stolen key; and one of placement front',
    shows: 'nothing is sent: evidence speaks of the attested keys alone',
    subject: ['client'],
    attack: swappedList,
  },
  {
    ...onSealed,
    id: 'X06',
    title: 'reading along with the outer key',
    given,
    does: 'opens the outer layer of an honest client’s request and answer, and searches what is inside',
    shows: 'an inner message that it cannot open: no word of prompt, path or answer',
    attack: readAlong,
  },
  {
    ...onSealed,
    id: 'X07',
    title: 'outer requests for anything else',
    given: 'a client with the outer key',
    does: 'asks for the app itself, for other paths and ids, with other methods and types',
    shows: 'one sealed refusal for all; nothing is asked of a CVM',
    attack: otherTargets,
  },
  {
    ...onSealed,
    id: 'X08',
    title: 'a message of one layer in place of the other',
    given,
    does: 'sends an inner message as an outer one, and an outer one as an inner one',
    shows: 'the labels differ: neither opens',
    attack: layersSwapped,
  },
]

type Outside = { readonly said: DecodedResponse | undefined; readonly status: number }

function keysOf(
  place: SealedPlace,
  cvm: number,
): { readonly id: string; readonly inner: Selection; readonly outer: Selection } {
  const bundle = readBundle(place.bundle())
  if (bundle.placement === 'front') throw new TypeError('another placement')
  const supports = (...[kem, suite]: Parameters<typeof nodeHpke.supports>): boolean => nodeHpke.supports(kem, suite)
  const ports = bundle.cvms[cvm]
  if (ports === undefined) throw new TypeError('no such CVM')
  const inner = selectKey([parseKeyConfig(ports.keyConfig)], supports)
  return { id: ports.id, inner, outer: selectKey(parseKeyConfigs(bundle.keys), supports) }
}

function innerMessage({ inner }: ReturnType<typeof keysOf>): Promise<SealedRequest> {
  return sealRequest(nodeHpke, inner.config, inner.suite, binaryRequest({ method: 'POST', content: secret }), sealed)
}

type Around = { readonly authority: string; readonly method?: string; readonly path?: string; readonly type?: string }

function outerRequest(
  message: Uint8Array,
  { authority, method = 'POST', path = keyResources.sealed, type = mediaTypes.sealedRequest }: Around,
) {
  const headers = [
    ['content-type', type],
    ['date', new Date().toUTCString()],
  ] as const
  const head = { method, scheme: 'https', authority, path, headers }
  return encode({ kind: 'request', framing: 'known', ...head, content: message, trailers: [], padding: 0 })
}

async function throughGateway(url: string, outer: Selection, content: Uint8Array): Promise<Outside> {
  const there = await sealRequest(nodeHpke, outer.config, outer.suite, content)
  const { status, body } = await asked(url, {
    method: 'POST',
    body: there.message,
    fields: { 'content-type': mediaTypes.request },
  })
  if (status !== 200) return { status, said: undefined }
  return { status, said: decodeResponse(await there.openResponse(Uint8Array.from(body))) }
}

const reached = ({ cvms }: SealedPlace): number => cvms.reduce((sum, { machine }) => sum + machine.reached.length, 0)

async function sealedAnswers(stage: Stage): Promise<void> {
  const place = await sealedPlace(stage)
  const answer = await place.client(await place.relay())(target, { method: 'POST', body: secret })
  demand(answer.status === 200 && (await answer.text()) === 'hello', 'an honest sealed request is served')
  demand(reached(place) === 1, 'by one CVM')
}

async function resubmitted(
  stage: Stage,
  to: (place: SealedPlace) => Promise<string>,
  sibling: 0 | 1,
): Promise<Finding> {
  const place = await sealedPlace(stage)
  const keys = keysOf(place, 0)
  const there = await innerMessage(keys)
  const request = outerRequest(there.message, { authority: `${keys.id}.cvm.invalid` })
  const first = await throughGateway(place.gateway.url, keys.outer, request)
  demand(
    first.said?.status === 200 && reached(place) === 1,
    `the first is served, but ${first.said?.status ?? first.status}`,
  )
  const other = keysOf(place, sibling)
  const url = await to(place)
  const again = await throughGateway(
    url,
    keys.outer,
    outerRequest(there.message, { authority: `${other.id}.cvm.invalid` }),
  )
  if (reached(place) > 1) return exposed('the same inner message was executed twice')
  const inner =
    again.said?.status === 200 ? decodeResponse(await there.openResponse(again.said.content)).status : undefined
  return blocked(
    inner === undefined ? `refused outside with ${again.said?.status ?? again.status}` : `refused inside with ${inner}`,
  )
}

async function steered(stage: Stage): Promise<Finding> {
  const place = await sealedPlace(stage, 3)
  const relay = await relayX(stage, place.gateway.url)
  const client = place.client(relay.url)
  await client.ready()
  // To a client a CVM that is down and one that its operator will not ask look the same.
  for (const { machine } of place.cvms.slice(1)) await machine.agent.close(0)
  const rounds = 60
  let told = 0
  for (let round = 0; round < rounds; round++) {
    if ('error' in (await endOf(client(target, { method: 'POST', body: secret })))) told++
  }
  const posts = relay.letters.filter(({ method }) => method === 'POST').length
  const served = place.cvms[0]?.machine.reached.length ?? 0
  demand(served > 0 && served + told === rounds, `every call is served or told: ${served} and ${told} of ${rounds}`)
  if (posts > 2 * rounds) return exposed(`${posts} requests for ${rounds} calls`)
  // One retry to a CVM of the client's choice ends at the favourite in 1/3 + 2/3 * 1/2 of all calls; more tries would end there always.
  const measure = {
    metric: 'share of calls that end at the favourite of three',
    value: served / rounds,
    n: rounds,
    gate: 0.9,
  }
  return blocked(`${posts} requests for ${rounds} calls; ${told} calls failed and their callers were told`, measure)
}

async function swappedList(stage: Stage): Promise<Finding> {
  const place = await sealedPlace(stage)
  const honest = readBundle(place.bundle())
  if (honest.placement === 'front') throw new TypeError('another placement')
  const [first, ...others] = honest.cvms
  demand(first !== undefined, 'a CVM in the bundle')
  const keyConfig = serializeKeyConfigs([newKey().config]).slice(2)
  const swapped = {
    ...honest,
    serial: honest.serial + 1,
    cvms: [{ ...first, keyConfig, id: cvmId(keyConfig) }, ...others],
  }
  const texts: readonly (readonly [what: string, text: string])[] = [
    ['signed by somebody else', await signBundle(swapped, [await impostor({ bundleSigner: place.signer })])],
    ['signed with the publisher’s stolen key', await signBundle(swapped, [place.signer])],
    ['of placement front', await bundleOver([newKey()], { bundleSigner: place.signer })],
  ]
  const codes: string[] = []
  for (const [what, text] of texts) {
    const onRequest = (letter: Letter): Reply | undefined => (isBundle(letter) ? shown(text) : undefined)
    const relay = await relayX(stage, place.gateway.url, { onRequest })
    const ended = await endOf(place.client(relay.url)(target, { method: 'POST', body: secret }))
    if (relay.letters.some(({ method }) => method === 'POST')) return exposed(`something was sent to a list ${what}`)
    codes.push(`${what}: ${words(ended)}`)
  }
  return blocked(`nothing was sent: ${codes.join(', ')}`)
}

async function readAlong(stage: Stage): Promise<Finding> {
  const place = await sealedPlace(stage)
  const bodies: Buffer[] = []
  const onRequest = ({ method, body }: Letter): undefined => {
    if (method === 'POST') bodies.push(body)
    return undefined
  }
  const onResponse = (reply: Reply): Reply => (bodies.push(Buffer.from(reply.body)), reply)
  const relay = await relayX(stage, place.gateway.url, { onRequest, onResponse })
  const answer = await place.client(relay.url)(`${target}?lkt-path`, { method: 'POST', body: secret })
  demand((await answer.text()) === 'hello', 'an honest request is served')
  const opened = bodies.flatMap((body) => opensWithFile(place.gateway.folder, body))
  const all = [...bodies, ...opened].map((bytes) => Buffer.from(bytes).toString('latin1')).join('')
  demand(opened.length > 0, 'the outer layer opens with the gateway’s key')
  const seen = [secret, 'lkt-path', 'hello', 'app.asunder'].filter((word) => all.includes(word))
  return seen.length > 0
    ? exposed(`readable: ${seen.join(', ')}`)
    : blocked(`${all.length} octets, outer layer open, no word of it readable`)
}

async function otherTargets(stage: Stage): Promise<Finding> {
  const place = await sealedPlace(stage)
  const keys = keysOf(place, 0)
  const authority = `${keys.id}.cvm.invalid`
  const { message } = await innerMessage(keys)
  const wishes: readonly Around[] = [
    { authority: 'app.asunder.example' },
    { authority: 'ffffffffffffffff.cvm.invalid' },
    { authority: `${authority}.`, path: keyResources.sealed },
    { authority, path: '/v1/notes' },
    { authority, path: `${keyResources.sealed}/` },
    { authority, path: `${keyResources.sealed}?x` },
    { authority, method: 'GET' },
    { authority, method: 'PUT' },
    { authority, type: 'text/plain' },
    { authority, type: mediaTypes.request },
  ]
  const statuses = new Set<string>()
  for (const wish of wishes) {
    const { said, status } = await throughGateway(place.gateway.url, keys.outer, outerRequest(message, wish))
    statuses.add(said === undefined ? `plain ${status}` : `sealed ${said.status}`)
  }
  if (reached(place) > 0) return exposed('the app was asked')
  if ([...statuses].some((one) => one === 'sealed 200' || one.startsWith('plain')))
    return exposed([...statuses].join(', '))
  return blocked(`${wishes.length} other targets: ${[...statuses].join(', ')}`)
}

async function layersSwapped(stage: Stage): Promise<Finding> {
  const place = await sealedPlace(stage)
  const keys = keysOf(place, 0)
  const { message } = await innerMessage(keys)
  const { status } = await asked(place.gateway.url, {
    method: 'POST',
    body: message,
    fields: { 'content-type': mediaTypes.request },
  })
  const outer = await sealRequest(
    nodeHpke,
    keys.inner.config,
    keys.inner.suite,
    binaryRequest({ method: 'POST', content: secret }),
  )
  const wrong = outerRequest(outer.message, { authority: `${keys.id}.cvm.invalid` })
  const { said } = await throughGateway(place.gateway.url, keys.outer, wrong)
  if (reached(place) > 0) return exposed('a message of one layer was opened in the other')
  return blocked(
    `inner as outer: plain ${status}; outer as inner: ${said === undefined ? 'plain' : `sealed ${said.status}`}`,
  )
}
