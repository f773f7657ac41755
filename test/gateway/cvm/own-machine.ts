/** Machines that open requests themselves, and what a publisher and a client need of one. */
import { OwnKeys, type OwnKeysOptions } from '../../../gateway/cvm/own-keys.ts'
import type { RequestSettings } from '../../../gateway/cvm/own-config.ts'
import { sealedRequests, type RequestOptions } from '../../../gateway/cvm/requests.ts'
import type { Outcome } from '../../../gateway/oblivious.ts'
import { defaultGatewayLimits } from '../../../gateway/opened.ts'
import { keyResources, readKeyAnswer, writeKeyQuestion } from '../../../shared/attestation/key-evidence.ts'
import { fromUtf8, utf8 } from '../../../shared/bytes.ts'
import { x25519, xWing } from '../../../shared/hpke/suites.ts'
import { parseKeyConfig, type KeyConfig } from '../../../shared/ohttp/key-config.ts'
import { sealed, sealedChunked } from '../../../shared/ohttp/labels.ts'
import type { CvmPool } from '../../../gateway/target.ts'
import { noteOf, witnesses } from '../../shared/tlog/small-log.ts'
import { origin } from '../town.ts'
import type { Machine, MachineOptions } from './machine.ts'
import { leased, machineWith, readyPool, whole } from './pools.ts'

export const minute = 60_000
export const rotation = { lead: 0, life: 25 * minute, overlap: 30 * minute }

export const requestSettings: RequestSettings = {
  ...defaultGatewayLimits,
  targets: [origin],
  methods: ['GET', 'POST', 'HEAD'],
  dateWindow: 300_000,
  atOnce: 8,
  firstByte: 2_000,
  stall: 2_000,
}

export type Sealed = {
  readonly machine: Machine
  readonly pool: CvmPool
  readonly keys: OwnKeys
  readonly outcomes: Outcome[]
  /** ids of keys by which a message was to be opened */
  readonly found: number[]
  readonly clocks: { day: number; mono: number }
}

export type SealedOptions = Pick<MachineOptions, 'handler' | 'agent' | 'life' | 'vendor' | 'port'> & {
  readonly keys?: Partial<OwnKeysOptions>
  readonly requests?: Partial<RequestSettings>
  readonly connections?: number
  readonly stream?: RequestOptions['stream']
}

/** An agent in placement `sealed` with an attested pool to it. Its own clocks may be moved; the links' may not. */
export async function sealedMachine(options: SealedOptions = {}): Promise<Sealed> {
  const clocks = { day: Date.now(), mono: 1_000 }
  const now = (): number => clocks.day
  const keys = new OwnKeys({
    kems: [x25519, xWing],
    labels: [sealed, sealedChunked],
    rotation,
    claims: 100,
    now,
    monotonic: () => clocks.mono,
    ...options.keys,
  })
  const outcomes: Outcome[] = []
  const found: number[] = []
  const machine = await machineWith({
    ...options,
    own: (app) => {
      const settings = { ...requestSettings, ...options.requests }
      const ended = (outcome: Outcome) => void outcomes.push(outcome)
      const { stream } = options
      const made = sealedRequests({ keys: noting(keys, found), settings, app, now, ended, stream })
      return { layer: 'inner', keys, sealed: made }
    },
  })
  const { pool } = await readyPool(machine, { connections: options.connections ?? 2 })
  return { machine, pool, keys, outcomes, found, clocks }
}

/** The same keys, telling which of them is looked up. */
function noting(keys: OwnKeys, found: number[]): RequestOptions['keys'] {
  return {
    find(keyId) {
      found.push(keyId)
      return keys.find(keyId)
    },
    claim: (message) => keys.claim(message),
    get attested() {
      return keys.attested
    },
  }
}

/** A checkpoint note that two witnesses cosigned, as the publisher has it. */
export async function anchorNote(time = Date.now()): Promise<string> {
  const { a, b } = await witnesses()
  const at = Math.floor(time / 1000) * 1000
  return noteOf(7, [
    [a, at],
    [b, at],
  ])
}

export const policySha256 = 'ab'.repeat(32)

/** The publisher's question over a leased link. */
export async function askKeys(pool: CvmPool, anchor: string, policy = policySha256) {
  const body = utf8(writeKeyQuestion({ anchor, policySha256: policy }))
  const { status, text } = await said(pool, 'POST', keyResources.evidence, body)
  return { status, answer: status === 200 ? readKeyAnswer(text) : undefined, text }
}

/** Evidence for all keys is asked, so that they open; gives their configurations. */
export async function openedKeys({ pool }: Pick<Sealed, 'pool'>): Promise<KeyConfig[]> {
  const { answer } = await askKeys(pool, await anchorNote())
  return (answer?.keys ?? []).map(({ keyConfig }) => configOf(keyConfig))
}

export function configOf(keyConfig: Uint8Array): KeyConfig {
  const config = parseKeyConfig(keyConfig)
  if (!('kem' in config)) throw new TypeError('a KEM of ours')
  return config
}

export async function said(
  pool: CvmPool,
  method: string,
  path: string,
  body: Uint8Array | AsyncIterable<Uint8Array> | null = null,
  type = 'application/json',
) {
  const lease = leased(pool)
  try {
    const headers = [
      ['host', 'cvm.invalid'],
      ['content-type', type],
    ] as const
    const answer = await lease.send({ method, path, headers, body })
    const bytes = await whole(answer.body)
    return { status: answer.status, headers: answer.headers, bytes, text: textOf(bytes) }
  } finally {
    lease.release()
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch {
    return ''
  }
}
