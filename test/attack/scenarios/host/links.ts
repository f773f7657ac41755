/** H01-H06, G13: what stands where a gateway expects its CVM. trust.md 3 and 4, attestation.md b.3. */
import { createHash, randomBytes } from 'node:crypto'
import { reportData } from '../../../../shared/attestation/report-data.ts'
import { selfSigned, spkiOf } from '../../../../shared/upstream/certificate.ts'
import { blocked, exposed, inFront, type Finding, type Scenario } from '../../frame/scenario.ts'
import type { Stage } from '../../frame/stage.ts'
import { happens, until } from '../../frame/until.ts'
import { openApp } from '../../pair/app.ts'
import { intruder } from '../../roles/client.ts'
import { cvmX, type Binding, type CvmScript } from '../../roles/cvm.ts'
import { genuine, unreleased, upstart } from '../../roles/forger.ts'
import { demand, isServed, secret } from '../common.ts'

const onGateway = {
  ...inFront,
  severity: 8,
  score: 'B',
  expects: ['BLOCKED'],
  subject: ['gateway'],
  control: genuineIsServed,
  quick: true,
} as const
const given = 'the host of the CVM: it listens where the CVM should, with a TLS key of its own'
const shows = 'nothing is opened for it and nothing is sent to it'

const digest = (bytes: Uint8Array): Uint8Array => Uint8Array.from(createHash('sha256').update(bytes).digest())

export const linkScenarios: readonly Scenario[] = [
  {
    ...onGateway,
    id: 'H01',
    title: 'evidence of a vendor that nobody trusts',
    given,
    does: 'signs a flawless report with a platform that only a root of its own endorses',
    shows,
    attack: (stage) => withEvidence(stage, async ({ honest }) => (await upstart(stage))({ reportData: honest })),
  },
  {
    ...onGateway,
    id: 'H02',
    title: 'a real machine with another image',
    given,
    does: 'shows genuine evidence of a measurement that nobody released',
    shows,
    attack: (stage) =>
      withEvidence(stage, ({ honest }) => genuine(stage)({ reportData: honest, measurement: unreleased })),
  },
  {
    ...onGateway,
    id: 'H03',
    title: 'evidence of yesterday',
    given,
    does: 'shows genuine evidence that answered another nonce',
    shows,
    attack: (stage) =>
      withEvidence(stage, ({ role, spki_sha256, exporter }) => {
        const nonce = Uint8Array.from(randomBytes(32))
        return genuine(stage)({ reportData: reportData({ kind: 1, role, spki_sha256, exporter, nonce }) })
      }),
  },
  {
    ...onGateway,
    id: 'H04',
    title: 'another TLS key than the attested one',
    given,
    does: 'shows genuine evidence that names the key of somebody else',
    shows,
    attack: (stage) =>
      withEvidence(stage, ({ role, nonce, exporter }) => {
        const other = digest(spkiOf(selfSigned({ commonName: 'other', use: 'server' }).privateKey))
        return genuine(stage)({ reportData: reportData({ kind: 1, role, spki_sha256: other, exporter, nonce }) })
      }),
  },
  {
    ...onGateway,
    id: 'H05',
    title: 'swapped between the look and the use',
    given,
    does: 'lets the gateway attest the real CVM, takes its place and its port, and waits for the next request',
    shows: 'a new connection is a new judgement: nothing is sent to the one that took its place',
    attack: takenPlace,
  },
  {
    ...onGateway,
    id: 'H06',
    title: 'evidence handed through from another connection',
    given: 'the host has stolen the CVM’s TLS key, and the CVM still answers it',
    does: 'shows genuine evidence for the right key and nonce, made for a connection of its own to the CVM',
    shows,
    attack: (stage) =>
      withEvidence(stage, ({ role, nonce, spki_sha256 }) => {
        const exporter = Uint8Array.from(randomBytes(32))
        return genuine(stage)({ reportData: reportData({ kind: 1, role, spki_sha256, exporter, nonce }) })
      }),
  },
  {
    ...onGateway,
    id: 'G13',
    title: 'a backend that attests nothing',
    given: 'the gateway’s operator points it at a machine of its own',
    does: 'answers the question for evidence with 404, with an empty page, and with words',
    shows: 'requests are refused; nothing is sent to it',
    attack: async (stage) => withEvidence(stage, () => 'trust me'),
  },
]

async function genuineIsServed(stage: Stage): Promise<void> {
  const machine = genuine(stage)
  const x = await cvmX(stage, { evidence: ({ honest }) => machine({ reportData: honest }) })
  const gateway = await stage.subject.gateway(stage, { cvmPort: x.port })
  await gateway.ready()
  const told = await (await intruder(gateway.url)).ask({ method: 'POST', content: secret })
  demand(isServed(told) && x.trusted.length === 1, 'a CVM with honest evidence is trusted')
}

async function withEvidence(stage: Stage, evidence: CvmScript['evidence']): Promise<Finding> {
  const x = await cvmX(stage, { evidence: (binding: Binding) => evidence(binding) })
  const gateway = await stage.subject.gateway(stage, { cvmPort: x.port })
  const cli = await intruder(gateway.url)
  const looked = await happens(() => x.asked() > 0, 1_000)
  const told = await cli.ask({ method: 'POST', content: secret })
  if (x.trusted.length > 0) return exposed(`it was sent ${x.trusted[0]?.slice(0, 20) ?? ''} with the content`)
  demand(looked, 'it was asked for evidence')
  return blocked(
    `asked for evidence ${x.asked() > 1 ? 'again and again' : 'once'}, trusted with nothing; clients get ${told.outer.status}`,
  )
}

async function takenPlace(stage: Stage): Promise<Finding> {
  const app = await openApp(stage)
  const cvm = await stage.subject.cvm(stage, { app })
  const gateway = await stage.subject.gateway(stage, { cvmPort: cvm.port })
  await gateway.ready()
  const cli = await intruder(gateway.url)
  demand(isServed(await cli.ask({ method: 'POST', content: secret })), 'the real one serves')
  await cvm.close()
  const forged = await upstart(stage)
  const x = await cvmX(stage, { evidence: ({ honest }) => forged({ reportData: honest }) }, cvm.port)
  for (let round = 0; round < 3; round++) await cli.ask({ method: 'POST', content: secret })
  await until(() => x.asked() > 0 || x.trusted.length > 0, 8_000).catch(() => undefined)
  const told = await cli.ask({ method: 'POST', content: secret })
  if (x.trusted.length > 0) return exposed('the one that took its place was sent the content')
  return blocked(`clients get ${told.outer.status}; the new one was asked for evidence and trusted with nothing`)
}
