/**
 * The image that everybody knows, started with settings that nobody logged: same launch measurement, other HOST_DATA. Real
 * reports are forged here to the last certificate; only the vendor is ours. trust.md 4, attestation.md d.2.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { expect, onTestFinished, test } from 'vitest'
import { cvmId } from '../../../shared/attestation/bundle-fields.ts'
import { signBundle } from '../../../shared/attestation/bundle.ts'
import { keyBinding } from '../../../shared/attestation/key-evidence.ts'
import { reportData } from '../../../shared/attestation/report-data.ts'
import { signStatement } from '../../../shared/attestation/serial-statement.ts'
import { policySha256, signPolicy, verifyPolicy } from '../../../shared/attestation/signed-policy.ts'
import type { Bytes } from '../../../shared/bytes.ts'
import { createObliviousFetch } from '../../../shared/client/index.ts'
import { mediaTypes } from '../../../shared/http/media-types.ts'
import { serializeKeyConfigs, writeKeyConfig } from '../../../shared/ohttp/key-config.ts'
import { anchorOfNote } from '../../../shared/tlog/anchor.ts'
import { parseNote } from '../../../shared/tlog/note.ts'
import { generateSigner } from '../../../shared/tlog/signer.ts'
import { hardwareJson, identityLeaf, judged } from '../../shared/attestation/machine.ts'
import { hour, now } from '../../shared/attestation/makers.ts'
import { house, leafOf, policyJson, role } from '../../shared/attestation/policies.ts'
import { ask } from '../../shared/attestation/sev-snp/forge.ts'
import { bytes } from '../../shared/attestation/values.ts'
import { gatewayKey, serve } from '../../shared/client/town.ts'
import { endOf, target } from './street.ts'

const minute = 60_000
const spoken = [[0, now - hour] as const, [1, now - hour] as const]

/** A deployment on hardware under a production root, whose machine was started with these settings. */
async function deployment(placement: 'inside' | 'sealed', hostData: Bytes) {
  const publisher = await generateSigner('publisher')
  const vendorRoots = ask().trust.vendorRoots ?? []
  const { root, releasers, timestamp, log } = await house({
    use: 'production',
    vendorRoots,
    bundleKeys: [publisher.key],
  })
  const note = await signPolicy(policyJson({ snp: hardwareJson() }), releasers)
  const policy = await verifyPolicy(note, { root, now })
  const release = identityLeaf(await judged(policy, root, now), policy)
  for (const leaf of [leafOf(note), release]) log.add(leaf)
  const [keyConfig, anchor] = [writeKeyConfig(gatewayKey(3).config), await log.note(spoken)]
  const times = {
    notBefore: now - 5 * minute,
    notAfter: now + 50 * minute,
    policySha256: policySha256(parseNote(note).text),
  }
  const bound = { role, keyConfigSha256: sha256(keyConfig), anchor: anchorOfNote(anchor), ...times }
  const { evidence } = ask({ report: { reportData: reportData(keyBinding(bound)), hostData } })
  const proof = await log.proof(release, spoken)
  const layer = placement === 'sealed' ? 'inner' : 'outer'
  const cvms = [{ id: cvmId(keyConfig), layer, keyConfig, evidence, anchor, ...times, proof }] as const
  const [policyProof, statement] = [
    await log.proof(leafOf(note), spoken),
    await signStatement({ role, serial: 42, time: now - hour }, timestamp),
  ]
  const keys =
    placement === 'sealed' ? serializeKeyConfigs([gatewayKey(7).config]) : serializeKeyConfigs([gatewayKey(3).config])
  return { trust: root.note, publisher, cvms, keys, policy: note, policyProof, statement }
}

async function visited(placement: 'inside' | 'sealed', hostData: Bytes) {
  const { trust, publisher, cvms, ...rest } = await deployment(placement, hostData)
  const life = { notBefore: now - 5 * minute, notAfter: now + 50 * minute, roots: [] }
  // In `inside` the list is the attested keys: there is one private key for each, so the same bytes.
  const list = placement === 'inside' ? { keys: listed(cvms[0].keyConfig) } : {}
  const bundle = await signBundle({ serial: 1, placement, ...life, cvms, ...rest, ...list }, [publisher])
  let posts = 0
  const { url, close } = await serve((incoming, outgoing) => {
    if (incoming.method === 'GET')
      return void outgoing.writeHead(200, { 'content-type': mediaTypes.bundle }).end(bundle)
    posts += 1
    incoming.resume().on('end', () => void outgoing.writeHead(503).end())
  })
  onTestFinished(close)
  const fetch = createObliviousFetch({ relay: url, trust, placement, plaintextLoopback: true, now: () => now })
  onTestFinished(() => fetch.close())
  return { end: await endOf(fetch(target, { method: 'POST', body: 'the dossier' })), posts, verdict: fetch.verdict() }
}

function listed(keyConfig: Uint8Array) {
  return Uint8Array.of(keyConfig.length >> 8, keyConfig.length & 0xff, ...keyConfig)
}

test.each(['inside', 'sealed'] as const)(
  'in %s: as it was logged it is believed, and otherwise nothing is sent',
  async (placement) => {
    const logged = await visited(placement, bytes(32, 0))
    expect([logged.end, logged.posts]).toEqual(['gateway-unavailable', 1])
    expect(logged.verdict?.attested).toMatchObject({ simulated: false, keys: [{ evidence: 'sev-snp' }] })
    expect(logged.verdict?.verified.join()).toContain('is in the log as a release')
    const other = await visited(placement, bytes(32, 0x5e))
    expect(other).toMatchObject({ end: 'evidence-refused: host-data-refused', posts: 0 })
  },
)
