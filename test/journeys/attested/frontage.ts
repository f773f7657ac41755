/**
 * A gateway of placement `front` that is told of one machine, simulated or forged to the last certificate, and a client
 * of the two. trust.md 3 and 7.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { gatewaySettings } from '../../../gateway/config.ts'
import { openGateway } from '../../../gateway/service.ts'
import { reportData } from '../../../shared/attestation/report-data.ts'
import { signPolicy } from '../../../shared/attestation/signed-policy.ts'
import type { RootFields } from '../../../shared/attestation/trust-root.ts'
import { createObliviousFetch } from '../../../shared/client/index.ts'
import { generateSigningKey, readSigner } from '../../../shared/tlog/signer.ts'
import type { Machine } from '../../gateway/cvm/machine.ts'
import { machineWith } from '../../gateway/cvm/pools.ts'
import { place, worldOf, type More } from '../../gateway/settled.ts'
import { hardwareJson } from '../../shared/attestation/machine.ts'
import { now } from '../../shared/attestation/makers.ts'
import { house, policyJson, type House } from '../../shared/attestation/policies.ts'
import { ask } from '../../shared/attestation/sev-snp/forge.ts'
import { bytes } from '../../shared/attestation/values.ts'
import { endOf, target } from './street.ts'

export const secret = 'the-dossier-that-nobody-else-reads'
export const role = 'app'

type Changes = More & { readonly files?: Readonly<Record<string, string>>; readonly ahead?: number }

/** A gateway that was told of this machine, and a client of the two. */
export async function front(machine: Machine, { files = {}, ahead = 0, cvm, ...more }: Changes = {}) {
  const told = { port: machine.port, allowSimulated: machine.allowSimulated, ...cvm }
  const { folder, rootNote, settings } = await place(undefined, { ...more, cvm: told })
  const { key, cert } = machine.clientTls
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  for (const [name, text] of Object.entries({ 'own.key': key, 'own.pem': cert, ...files })) write(name, text)
  const world = worldOf(folder)
  world.clock.ahead = ahead
  const service = await openGateway(gatewaySettings(JSON.stringify(settings), 'test'), world)
  onTestFinished(() => service.force())
  const asked = { relay: `http://127.0.0.1:${String(service.port)}`, trust: files['root.note'] ?? rootNote }
  const times = { now: world.now, wait: () => Promise.resolve() }
  const fetch = createObliviousFetch({ ...asked, ...times, placement: 'front', plaintextLoopback: true })
  onTestFinished(() => fetch.close())
  const why = (event: string) => new Set(world.lines.filter((line) => line.event === event).map((line) => line['why']))
  const visit = () => endOf(fetch(target, { method: 'POST', body: secret }))
  const judged = (event: 'attested' | 'not-attested') =>
    vi.waitFor(() => expect(world.lines).toContainEqual(expect.objectContaining({ event })), 8_000)
  return { fetch, visit, why, judged, write, lines: world.lines }
}

export type Note = (owners: House) => Promise<string>
export type Hardware = { readonly hostData?: number; readonly root?: Partial<RootFields>; readonly note?: Note }

/** By two of the three who sign; `changes` to a policy that everybody would accept. */
export function policy(changes: object = {}, signatures = 2): Note {
  return ({ releasers }) =>
    signPolicy(policyJson({ role, snp: hardwareJson(), ...changes }), releasers.slice(0, signatures))
}

/** A forged chip of a vendor that a production root pins, and a gateway with a signed policy; at the chip's own time. */
export async function hardware({ hostData = 0, root = {}, note = policy() }: Hardware = {}, simulated?: Machine) {
  const { skey } = await generateSigningKey('publisher')
  const bundleKeys = [(await readSigner(skey)).key]
  const vendorRoots = ask().trust.vendorRoots ?? []
  const owners = await house({ use: 'production', placements: ['front'], vendorRoots, bundleKeys, ...root })
  const evidence = (said: Parameters<typeof reportData>[0]) =>
    Promise.resolve(ask({ report: { reportData: reportData(said), hostData: bytes(32, hostData) } }).evidence)
  const machine = simulated ?? (await machineWith({ agent: { provider: { kind: 'sev-snp', evidence } } }))
  const files = { 'root.note': owners.root.note, 'bundle.skey': skey, 'policy.note': await note(owners) }
  const told = { files, policy: 'policy.note', cvm: { allowSimulated: undefined }, ahead: now - Date.now() }
  return { machine, owners, ...(await front(machine, told)) }
}
