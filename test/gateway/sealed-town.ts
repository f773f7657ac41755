/** A gateway in placement `sealed` without ports, real agents behind it, and a client that seals twice. */
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/app.ts'
import { admitSealed, CvmGroups, sealedMethods } from '../../gateway/cvm-groups.ts'
import { publication } from '../../gateway/publication.ts'
import { replayGuard, replayShares } from '../../gateway/replay.ts'
import type { Outcome } from '../../gateway/vocabulary.ts'
import type { NoncePlace } from '../../gateway/whole-chunks.ts'
import { cvmId } from '../../shared/attestation/bundle-fields.ts'
import { keyResources } from '../../shared/attestation/key-evidence.ts'
import { decodeResponse } from '../../shared/bhttp/decode.ts'
import type { DecodedResponse, Field } from '../../shared/bhttp/message.ts'
import { encode } from '../../shared/bhttp/encode.ts'
import { fromUtf8, utf8, type Bytes } from '../../shared/bytes.ts'
import { mediaTypes } from '../../shared/http/media-types.ts'
import { nodeHpke } from '../../shared/hpke/node.ts'
import type { GatewayKey } from '../../shared/ohttp/gateway-key.ts'
import { writeKeyConfig, type KeyConfig } from '../../shared/ohttp/key-config.ts'
import { sealed } from '../../shared/ohttp/labels.ts'
import { sealRequest } from '../../shared/ohttp/request.ts'
import { createMemoryStore } from '../../shared/store/memory.ts'
import { openedKeys, sealedMachine, type Sealed, type SealedOptions } from './cvm/own-machine.ts'
import { cleanups } from './cvm/pools.ts'
import { binaryRequest, newKey, post, suite, type Inside } from './town.ts'

export type Cvm = Sealed & { readonly config: KeyConfig; readonly id: string }

export type SealedTown = {
  readonly app: Gateway
  readonly key: GatewayKey
  readonly groups: CvmGroups
  readonly cvms: readonly Cvm[]
  readonly outcomes: Outcome[]
  readonly faults: unknown[]
}

export async function sealedTown(
  each: readonly SealedOptions[] = [{}],
  more: Pick<GatewayOptions, 'tokens' | 'stream'> & { readonly nonce?: NoncePlace } = {},
): Promise<SealedTown> {
  const cvms: Cvm[] = []
  for (const options of each) {
    const machine = await sealedMachine(options)
    const [config] = await openedKeys(machine)
    if (config === undefined) throw new TypeError('a key')
    cvms.push({ ...machine, config, id: idOf(config) })
  }
  const { nonce, ...rest } = more
  const groups = new CvmGroups(
    cvms.map(({ pool }) => pool),
    nonce,
  )
  cleanups.push(() => groups.close())
  await groups.refresh()
  const [key, window, now] = [newKey(7), 300_000, Date.now]
  const outcomes: Outcome[] = []
  const faults: unknown[] = []
  const app = createGateway({
    find: (keyId) => (keyId === 7 ? key : undefined),
    bundle: () => publication(mediaTypes.bundle, utf8('a signed note'), now(), now() + 3_600_000),
    cvm: groups,
    once: replayGuard({ claims: createMemoryStore({ shares: replayShares(100), now }), window, now }),
    screen: { targets: groups, methods: sealedMethods, window },
    admit: admitSealed,
    ...rest,
    observe: (_family, outcome) => void outcomes.push(outcome),
    fault: (cause) => void faults.push(cause),
  })
  return { app, key, groups, cvms, outcomes, faults }
}

export function idOf(config: KeyConfig): string {
  return cvmId(writeKeyConfig(config))
}

/** Sealed to the CVM. */
export function innerMessage(config: KeyConfig, inside: Inside = {}) {
  return sealRequest(nodeHpke, config, suite, binaryRequest({ date: Date.now(), ...inside }), sealed)
}

export type Around = {
  readonly method?: string
  readonly authority: string
  readonly path?: string
  readonly type?: string
  readonly date?: number
  readonly more?: readonly Field[]
}

/** The outer Binary HTTP request around a message. */
export function outerRequest(message: Uint8Array, around: Around): Bytes {
  const { method = 'POST', authority, path = keyResources.sealed, type = mediaTypes.sealedRequest } = around
  const headers: Field[] = [
    ['content-type', type],
    ['date', new Date(around.date ?? Date.now()).toUTCString()],
    ...(around.more ?? []),
  ]
  const head = { method, scheme: 'https', authority, path, headers }
  return encode({ kind: 'request', framing: 'known', ...head, content: message, trailers: [], padding: 0 })
}

export type Outer = { readonly outer: Response; readonly size: number; readonly said: DecodedResponse }

/** Sends what is inside the outer layer, and opens that layer of the answer. */
export async function throughGateway({ app, key }: SealedTown, content: Uint8Array): Promise<Outer> {
  const there = await sealRequest(nodeHpke, key.config, suite, content)
  const outer = await post(app, mediaTypes.request, there.message)
  const message = new Uint8Array(await outer.arrayBuffer())
  if (outer.status !== 200) throw new Error(`plain ${String(outer.status)}`)
  return { outer, size: message.length, said: decodeResponse(await there.openResponse(message)) }
}

/** One request through both layers. */
export async function askSealed(town: SealedTown, { config, id }: Pick<Cvm, 'config' | 'id'>, inside: Inside = {}) {
  const there = await innerMessage(config, inside)
  const through = await throughGateway(town, outerRequest(there.message, { authority: `${id}.cvm.invalid` }))
  if (through.said.status !== 200) return { ...through, there, inner: undefined, text: fromUtf8(through.said.content) }
  const inner = decodeResponse(await there.openResponse(through.said.content))
  return { ...through, there, inner, text: fromUtf8(inner.content) }
}
