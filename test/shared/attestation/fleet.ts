/** Simulated machines whose keys are published: everybody who signs for them, and bundles that hold or are told to lie. */
import { sha256 } from '@noble/hashes/sha2.js'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import { signBundle, type AttestedBundle, type CvmEntry } from '../../../shared/attestation/bundle.ts'
import { developmentRoot } from '../../../shared/attestation/development-root.ts'
import type { Evidence } from '../../../shared/attestation/evidence.ts'
import { keyBinding } from '../../../shared/attestation/key-evidence.ts'
import type { AllowSimulated } from '../../../shared/attestation/policy.ts'
import { reportData } from '../../../shared/attestation/report-data.ts'
import type { RootFields } from '../../../shared/attestation/root-fields.ts'
import { signStatement } from '../../../shared/attestation/serial-statement.ts'
import { policySha256, signPolicy } from '../../../shared/attestation/signed-policy.ts'
import { createSimulatedPlatform, createSimulatedRoot } from '../../../shared/attestation/simulated.ts'
import { verifyRoot, type TrustRoot } from '../../../shared/attestation/trust-root.ts'
import { concat, hex, uint16, utf8, type Bytes } from '../../../shared/bytes.ts'
import { anchorOfNote } from '../../../shared/tlog/anchor.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import type { Signer } from '../../../shared/tlog/signer.ts'
import { ledger, type Ledger, type Spoken } from './ledger.ts'
import { leafOf } from './policies.ts'

export const role = 'app'
const [minute, hour] = [60_000, 3_600_000]

/** What evidence binds, where a test wants it to bind something else than what the entry says. */
export type Bound = Partial<Parameters<typeof keyBinding>[0]>
export type EntryChanges = { readonly machine?: number; readonly said?: Partial<CvmEntry>; readonly bound?: Bound }

export type Fleet = {
  readonly at: number
  readonly rootNote: string
  readonly root: TrustRoot
  readonly fields: RootFields
  readonly allowSimulated: AllowSimulated
  readonly log: Ledger
  readonly signers: { readonly bundle: Signer; readonly policy: readonly Signer[]; readonly timestamp: Signer }
  /** Policy, proof and statement that hold, under this serial. */
  notes(changes?: PolicyChanges): Promise<Pick<AttestedBundle, 'policy' | 'policyProof' | 'statement'>>
  /** A checkpoint whose quorum spoke then. */
  anchor(time?: number): Promise<string>
  evidence(machine: number, bound: Required<Bound>): Promise<Evidence>
  /** What the machine attests when it is asked for these bytes. */
  attested(machine: number, reportData: Uint8Array): Promise<Evidence>
  entry(keyConfig: Uint8Array, changes?: EntryChanges): Promise<CvmEntry>
  bundle(cvms: readonly CvmEntry[], changes?: Partial<AttestedBundle>): Promise<AttestedBundle>
  signed(bundle: AttestedBundle): Promise<string>
}

export type PolicyChanges = {
  readonly serial?: number
  readonly stated?: number
  readonly time?: number
  readonly more?: object
}

export type FleetOptions = {
  readonly at: number
  readonly machines?: number
  readonly placement?: AttestedBundle['placement']
  readonly root?: Partial<RootFields>
}

/** `at`: the moment that everything is made for, milliseconds in whole seconds. */
export async function fleet({ at, machines = 1, placement = 'sealed', root: changes }: FleetOptions): Promise<Fleet> {
  const log = await ledger()
  const more = { ...log.trust, placements: ['inside', 'sealed'] as const, minPolicySerial: 1, ...changes }
  const made = await developmentRoot({ notAfter: at + 1000 * hour, changes: more })
  const { bundle: publisher, policy: releasers, timestamp } = made.signers
  const vendor = await createSimulatedRoot(seed())
  const measurement = crypto.getRandomValues(new Uint8Array(48))
  const platforms = await Promise.all(
    Array.from({ length: machines }, async () => {
      const platformSeed = seed()
      const endorsement = await vendor.endorse({ platformSeed, notAfter: at + 500 * hour })
      return createSimulatedPlatform({ platformSeed, endorsement, measurement, role })
    }),
  )
  const spoken = (time: number): Spoken => [
    [0, time],
    [1, time],
  ]
  let held: Awaited<ReturnType<Fleet['notes']>> | undefined

  const self: Fleet = {
    at,
    rootNote: made.note,
    root: await verifyRoot(made.note),
    fields: made.fields,
    allowSimulated: { rootSha256: vendor.rootSha256, measurement: hex(measurement) },
    log,
    signers: { bundle: publisher, policy: releasers, timestamp },
    async notes({ serial = 42, stated = serial, time = at - hour, more: fields = {} } = {}) {
      const times = { notBefore: timeText(at - 24 * hour), notAfter: timeText(at + 5 * 24 * hour) }
      const policy = await signPolicy({ version: 1, serial, ...times, role, ...fields }, releasers)
      log.add(leafOf(policy))
      const policyProof = await log.proof(leafOf(policy), spoken(at - hour))
      return { policy, policyProof, statement: await signStatement({ role, serial: stated, time }, timestamp) }
    },
    anchor: (time = at - hour) => log.note(spoken(time)),
    evidence: (machine, bound) => self.attested(machine, reportData(keyBinding(bound))),
    async attested(machine, bytes) {
      const platform = platforms[machine]
      if (platform === undefined) throw new TypeError('no such machine')
      return platform.evidence({ reportData: bytes, notAfter: at + 100 * hour })
    },
    async entry(keyConfig, { machine = 0, said = {}, bound = {} } = {}) {
      held ??= await self.notes()
      const policy = policySha256(parseNote(held.policy).text)
      const layer = placement === 'sealed' ? 'inner' : 'outer'
      const times = { notBefore: at - 5 * minute, notAfter: at + 50 * minute }
      const entry = { ...times, anchor: await self.anchor(), policySha256: policy, ...said }
      const { notBefore, notAfter } = entry
      const evidence = await self.evidence(machine, {
        role,
        keyConfigSha256: sha256(keyConfig),
        anchor: anchorOfNote(entry.anchor),
        notBefore,
        notAfter,
        policySha256: entry.policySha256,
        ...bound,
      })
      return { id: cvmId(keyConfig), layer, keyConfig: concat(keyConfig), evidence, proof: '', ...entry, ...said }
    },
    async bundle(cvms, own = {}) {
      held ??= await self.notes()
      const ends = Math.min(at + hour, ...cvms.map(({ notAfter }) => notAfter))
      const common = { serial: 7, notBefore: at - 5 * minute, notAfter: ends, roots: [] }
      return { ...common, placement, keys: listOf(cvms), ...held, cvms, ...own }
    },
    signed: (bundle) => signBundle(bundle, [publisher]),
  }
  return self
}

/** `application/ohttp-keys` of exactly these entries. */
export function listOf(cvms: readonly Pick<CvmEntry, 'keyConfig'>[]): Bytes {
  return concat(...cvms.flatMap(({ keyConfig }) => [uint16(keyConfig.length), keyConfig]))
}

/** Looks enough like a key configuration for whoever reads only its KEM. */
export function keyBytes(name: string, kem = 0x20): Bytes {
  return concat(Uint8Array.of(1), uint16(kem), utf8(name))
}

function seed(): Bytes {
  return crypto.getRandomValues(new Uint8Array(32))
}
