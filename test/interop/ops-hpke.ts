/** Door ops of HPKE base mode: hpke.seal with a given encapsulation, hpke.open. */
import { hex } from '../../shared/bytes.ts'
import type { Awaitable, Encapsulate } from '../../shared/hpke/context.ts'
import { privateKeyFrom } from '../../shared/hpke/node-kem.ts'
import { createNodeHpke, createReceiver } from '../../shared/hpke/node.ts'
import { requireKem, requireSuite, type Kem, type SymmetricSuite } from '../../shared/hpke/suites.ts'
import { Refusal } from '../../shared/refusal.ts'
import { encapsulateFrom, encapsulateWith } from '../shared/hpke/encapsulation-seam.ts'
import { made, type Case, type Op } from './case.ts'

export const hpkeOps: Readonly<Record<string, Op>> = { 'hpke.seal': seal, 'hpke.open': open }

/** The encapsulation's dice, under whichever of these names the case has them. */
export function encapsulationOf(input: Case): Encapsulate {
  for (const name of ['skEm', 'skE']) if (input.has(name)) return encapsulateWith(input.hex(name))
  for (const name of ['ikmE', 'encaps_randomness']) if (input.has(name)) return encapsulateFrom(input.hex(name))
  throw new Refusal('bad-encoding', 'an ephemeral key or encapsulation randomness is needed')
}

export function suiteIn(input: Case): SymmetricSuite {
  return requireSuite({ kdfId: input.integer('kdf_id'), aeadId: input.integer('aead_id') })
}

function rows(input: Case): { kem: Kem; suite: SymmetricSuite } {
  return { kem: requireKem(input.integer('kem_id')), suite: suiteIn(input) }
}

async function seal(input: Case): Promise<object> {
  const { kem, suite } = rows(input)
  const hpke = createNodeHpke({ encapsulate: encapsulationOf(input) })
  const sender = await hpke.setupSender(kem, suite, input.hex('pkRm'), input.hex('info'))
  const ct: string[] = []
  for (const one of messages(input)) ct.push(hex(await sender.seal(one.hex('aad'), one.hex('pt'))))
  return {
    enc: hex(sender.enc),
    ct,
    exported: await exported(input, (context, length) => sender.export(context, length)),
  }
}

async function open(input: Case): Promise<object> {
  const { kem, suite } = rows(input)
  const skRm = input.hex('skRm')
  const receiver = createReceiver(
    made(() => privateKeyFrom(kem, skRm)),
    suite,
    input.hex('info'),
  )
  const context = receiver.setup(input.hex('enc'))
  const pt = messages(input).map((one) => hex(context.open(one.hex('aad'), one.hex('ct'))))
  return { pt, exported: await exported(input, (context_, length) => context.export(context_, length)) }
}

function messages(input: Case): Case[] {
  return input.has('messages') ? input.list('messages') : []
}

async function exported(
  input: Case,
  from: (context: Uint8Array, length: number) => Awaitable<Uint8Array>,
): Promise<string[]> {
  const wanted = input.has('exports') ? input.list('exports') : []
  return await Promise.all(wanted.map(async (one) => hex(await from(one.hex('exporter_context'), one.integer('L')))))
}
