/**
 * A deployment of `inside` to be watched: one simulated machine with evidence for its own key, releasers, a development
 * log, and a relay that shows what a test wants. Everything holds until a test says otherwise.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { cvmId, type CvmEntry } from '../../../../shared/attestation/bundle-fields.ts'
import type { AttestedBundle } from '../../../../shared/attestation/bundle.ts'
import type { Evidence } from '../../../../shared/attestation/evidence.ts'
import { keyBinding } from '../../../../shared/attestation/key-evidence.ts'
import type { AllowSimulated } from '../../../../shared/attestation/policy.ts'
import { reportData } from '../../../../shared/attestation/report-data.ts'
import type { RootFields } from '../../../../shared/attestation/root-fields.ts'
import { signStatement, type Statement } from '../../../../shared/attestation/serial-statement.ts'
import { policySha256, signPolicy } from '../../../../shared/attestation/signed-policy.ts'
import { createSimulatedPlatform, createSimulatedRoot } from '../../../../shared/attestation/simulated.ts'
import { hex } from '../../../../shared/bytes.ts'
import { writeKeyConfig } from '../../../../shared/ohttp/key-config.ts'
import { anchorOfNote } from '../../../../shared/tlog/anchor.ts'
import { timeText } from '../../../../shared/tlog/json-fields.ts'
import { leafHash } from '../../../../shared/tlog/merkle.ts'
import { parseNote } from '../../../../shared/tlog/note.ts'
import type { Signer } from '../../../../shared/tlog/signer.ts'
import { newKey } from '../../../gateway/town.ts'
import { listOf } from '../../attestation/fleet.ts'
import { leafOf, policyJson, role } from '../../attestation/policies.ts'
import { around, deployment, hostileRelay, hour, type Deployment, type Watched } from './deployment.ts'

const day = 24 * hour

/** What evidence binds, where a test wants it to bind something else than what the entry says. */
export type Bound = Partial<Parameters<typeof keyBinding>[0]>
export type EntryChanges = Partial<CvmEntry> & {
  readonly bound?: Bound
  /** of another kind than simulated */
  readonly attest?: (reportData: Uint8Array) => Evidence
}

export type Found = {
  readonly exit: number
  /** code and detail of each alarm; of a refused bundle the reason alone */
  readonly rows: (string | undefined)[][]
  readonly notWatched: readonly string[]
}

export type Watching = {
  /** this scene's own where it is left out, none where it is null */
  readonly allowSimulated?: AllowSimulated | null
  readonly trust?: string
  readonly placement?: string
}

export type Scene = Deployment & {
  readonly allowSimulated: AllowSimulated
  policy(changes?: Record<string, unknown>, signers?: readonly Signer[]): Promise<string>
  statement(changes?: Partial<Statement>, signer?: Signer): Promise<string>
  /** Logs the leaf of this policy. */
  proofOf(policy: string): Promise<string>
  entry(changes?: EntryChanges): Promise<CvmEntry>
  offer(more?: Partial<AttestedBundle>, cvm?: EntryChanges): Promise<string>
  found(bundle: string, more?: { readonly simulated?: boolean }): Promise<Found>
  /** A file that allows this scene's simulated machine. */
  leave(): Promise<string>
  /** One round at a relay that shows this bundle. */
  watch(bundle: string, more?: Watching): Promise<Watched>
}

export async function scene(changes: Partial<RootFields> = {}, clock?: number): Promise<Scene> {
  const it = await deployment({ placements: ['front', 'inside'], ...changes })
  it.clock = clock ?? it.clock
  const { policy: releasers, timestamp } = it.people.signers
  const relay = await hostileRelay()
  await it.log.checkpoint(it.witnesses)
  const machine = await simulatedMachine(it.clock)
  const { config } = newKey()
  const leave = `${it.state}.simulated`
  const own: Omit<Scene, keyof Deployment> = {
    allowSimulated: machine.allowSimulated,
    policy: (more = {}, signers = releasers) => {
      const times = { notBefore: timeText(it.clock - day), notAfter: timeText(it.clock + 5 * day) }
      return signPolicy(policyJson({ ...times, ...more }), signers)
    },
    statement: (more = {}, signer = timestamp) =>
      signStatement({ role, serial: 42, time: it.clock - hour, ...more }, signer),
    async proofOf(policy) {
      it.log.add(leafOf(policy))
      await it.log.checkpoint(it.witnesses)
      return it.log.prove(leafHash(leafOf(policy)))
    },
    async entry({ bound = {}, attest, ...said } = {}) {
      const keyConfig = said.keyConfig ?? writeKeyConfig(config)
      const anchor = it.log.latest() ?? ''
      const layer = 'outer' as const
      const entry = { ...around(it.clock), layer, anchor, policySha256: '00'.repeat(32), ...said, keyConfig }
      const key = { role, keyConfigSha256: sha256(keyConfig), ...entry, anchor: anchorOfNote(entry.anchor) }
      const attested = reportData(keyBinding({ ...key, ...bound }))
      const evidence = said.evidence ?? attest?.(attested) ?? (await machine.evidence(attested, it.clock + day))
      return { id: cvmId(keyConfig), proof: '', ...entry, evidence }
    },
    async offer(more = {}, cvm = {}) {
      const policy = more.policy ?? (await self.policy())
      const policyProof = more.policyProof ?? (await self.proofOf(policy))
      const statement = more.statement ?? (await self.statement())
      const cvms = more.cvms ?? [await self.entry({ policySha256: policySha256(parseNote(policy).text), ...cvm })]
      return it.bundle({ placement: 'inside', statement, keys: listOf(cvms), ...more, cvms, policy, policyProof })
    },
    async found(bundle, { simulated = true } = {}) {
      const { exit, report } = await self.watch(bundle, simulated ? {} : { allowSimulated: null })
      const rows = report.alarms.map(({ code, detail }) => [code, code === 'bundle-refused' ? reason(detail) : detail])
      return { exit, rows, notWatched: report.notWatched }
    },
    async leave() {
      await writeFile(leave, JSON.stringify(machine.allowSimulated))
      return leave
    },
    watch(bundle, { allowSimulated = machine.allowSimulated, ...more } = {}) {
      relay.bundle = bundle
      writeFileSync(leave, JSON.stringify(allowSimulated))
      const args = ['--relay', relay.url, ...(allowSimulated === null ? [] : ['--allow-simulated', leave])]
      return it.monitor(args, { placement: 'inside', ...more })
    },
  }
  const self: Scene = Object.assign(it, own)
  return self
}

/** The last word of a refusal is the rule that was broken. */
function reason(detail: string | undefined): string | undefined {
  return detail?.split(', ').at(-1)
}

async function simulatedMachine(clock: number) {
  const seed = (length = 32) => crypto.getRandomValues(new Uint8Array(length))
  const [vendor, platformSeed, measurement] = [await createSimulatedRoot(seed()), seed(), seed(48)]
  const endorsement = await vendor.endorse({ platformSeed, notAfter: clock + 90 * day })
  const platform = await createSimulatedPlatform({ platformSeed, endorsement, measurement, role })
  return {
    allowSimulated: { rootSha256: vendor.rootSha256, measurement: hex(measurement) },
    evidence: (bound: Uint8Array, notAfter: number) => platform.evidence({ reportData: bound, notAfter }),
  }
}
