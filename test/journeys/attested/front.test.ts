/**
 * The journeys that must hold, in placement `front`: a real gateway judges real agents and a client judges the bundle,
 * and whatever is wrong ends in a refusal before the first byte of a request is where it must not be. trust.md 2, 3, 7.
 *
 * Held elsewhere: evidence withdrawn (gateway/service.test.ts: withdrawn evidence stops the opening); the key list of
 * somebody else shown by the relay (live.test.ts, for each placement); a bundle of another placement, a root that does
 * not allow this one, an older serial shown to somebody who was here before (shared/client/hostile-bundle.test.ts), and
 * `front` shown to clients of the others (refused.test.ts); simulated evidence by the gateway's own settings under a
 * production root (gateway/service.test.ts: does not start).
 *
 * Without meaning in `front`:
 * - a rider that the operator signs itself: the client takes the operator's word for every key (`operator-trusted`);
 * - a quiet log with an old checkpoint that was cosigned again: no evidence here has an anchor, a link has a nonce;
 * - a forked log: a `front` bundle has no proof, and the gateway takes its policy from a file of its own;
 * - silent witnesses, for however long: nothing here is as old as a cosignature;
 * - an inner ciphertext sent again, to the same CVM, a sibling, or after a reset: there is one layer, and the gateway
 *   opens it; the outer one, after a restart, is gateway/service.test.ts: OHTTP-G21;
 * - placement lowered: for clients of `front` there is none below.
 */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { link } from '../../../shared/attestation/link.ts'
import { concat } from '../../../shared/bytes.ts'
import { serializeKeyConfigs } from '../../../shared/ohttp/key-config.ts'
import { timeText } from '../../../shared/tlog/json-fields.ts'
import { newVendor } from '../../gateway/cvm/machine.ts'
import { answerWith, evidenceFor, startPeer } from '../../gateway/cvm/peers.ts'
import { machineWith } from '../../gateway/cvm/pools.ts'
import { hardwareJson } from '../../shared/attestation/machine.ts'
import { now, signedText } from '../../shared/attestation/makers.ts'
import { build, policyJson } from '../../shared/attestation/policies.ts'
import { gatewayKey } from '../../shared/client/town.ts'
import { front, hardware, policy, role, secret, type Hardware, type Note } from './frontage.ts'
import { cutter, thief } from './middlemen.ts'
import { day, hour } from './paper.ts'
import { endOf, street, target } from './street.ts'

const listed = { digest: 'cd'.repeat(48), minGuestSvn: 4, notAfter: timeText(now + day), build: `sha256:${build}` }
const gone = { snp: hardwareJson({ measurements: [listed] }) }
const lastWeek = { notBefore: timeText(now - 8 * day), notAfter: timeText(now - day) }
const naming: Note = ({ releasers }) =>
  signedText('policy', policyJson({ role, simulated: { rootSha256: 'ab'.repeat(32) } }), releasers)

describe('a gateway with a signed policy, under a production root', () => {
  test('serves what is as the policy says', async () => {
    const { visit, judged, machine } = await hardware()
    await judged('attested')
    expect([await visit(), machine.reached.length]).toEqual(['served', 1])
  })

  test.each<[string, Hardware, policy: string | undefined, evidence: string]>([
    ['the known image with settings that nobody allowed', { hostData: 0x5e }, undefined, 'host-data-refused'],
    ['an image that is not in the policy', { note: policy(gone) }, undefined, 'measurement-refused'],
    ['last week’s policy, newly installed', { note: policy(lastWeek) }, 'policy-expired', 'policy-refused'],
    ['a serial before the root’s own', { root: { minPolicySerial: 43 } }, 'rolled-back', 'policy-refused'],
    ['a policy that too few have signed', { note: policy({}, 1) }, 'unsigned', 'policy-refused'],
    ['a signed policy that names `simulated`', { note: naming }, 'policy-widens', 'policy-refused'],
  ])('%s: opens nothing', async (_what, options, policyWhy, evidenceWhy) => {
    const { visit, why, judged, machine } = await hardware(options)
    await judged('not-attested')
    expect(await visit()).toBe('gateway-unavailable')
    expect([why('policy-refused'), why('not-attested')]).toEqual([
      new Set(policyWhy === undefined ? [] : [policyWhy]),
      new Set([evidenceWhy]),
    ])
    expect(machine.reached).toEqual([])
  })

  test('takes no simulated machine, though a signed policy names it', async () => {
    const { visit, why, judged, machine } = await hardware({ note: naming }, await machineWith())
    await judged('not-attested')
    expect([await visit(), machine.reached]).toEqual(['gateway-unavailable', []])
    expect([...why('policy-refused'), ...why('not-attested')]).toEqual(['policy-widens', 'simulated-not-allowed'])
  })

  test('takes an image back: refused for everybody from its next look at the file on, 5 s at most', async () => {
    const { visit, judged, machine, owners, write, lines } = await hardware()
    await judged('attested')
    expect(await visit()).toBe('served')
    write('policy.note', await policy({ ...gone, serial: 43 })(owners))
    // A look every 5 s, and time for a slow machine to judge.
    await vi.waitFor(async () => expect(await visit()).not.toBe('served'), { timeout: 8_000, interval: 50 })
    const before = machine.reached.length
    expect(lines).toContainEqual(expect.objectContaining({ event: 'policy-in-force', serial: 43 }))
    for (let i = 0; i < 5; i++) expect(await visit()).toBe('gateway-unavailable')
    expect(machine.reached).toHaveLength(before)
  })
})

describe('on the way from the gateway to the CVM', () => {
  test('the evidence of two machines changes places: no link, and nobody hears of a request', async () => {
    const vendor = newVendor()
    const [one, two] = [await machineWith({ vendor }), await machineWith({ vendor })]
    const peer = await startPeer(one.identity, async (socket, nonce) => {
      socket.write(answerWith(await evidenceFor(two, socket, nonce)))
    })
    onTestFinished(() => peer.stop())
    const { visit, why, judged } = await front(one, { cvm: { port: peer.port } })
    await judged('not-attested')
    expect([await visit(), [...why('not-attested')]]).toEqual(['gateway-unavailable', ['binding-mismatch']])
    expect([one.reached, two.reached]).toEqual([[], []])
  })

  test('a stolen TLS key and a relay of evidence: no link, and the thief hears no request', async () => {
    const heard: Buffer[] = []
    const machine = await machineWith()
    const { visit, why, judged } = await front(machine, { cvm: { port: await thief(machine, heard) } })
    await judged('not-attested')
    expect([await visit(), [...why('not-attested')]]).toEqual(['gateway-unavailable', ['binding-mismatch']])
    const text = Buffer.concat(heard).toString('latin1')
    expect(text).toContain(link.path)
    for (const word of [secret, new URL(target).pathname]) expect(text).not.toContain(word)
    expect(machine.reached).toEqual([])
  })

  test('the socket dies between opening and sending: an error under the seal, and no other socket carries it', async () => {
    const machine = await machineWith()
    const line = await cutter(machine)
    const { fetch, judged, visit } = await front(machine, { cvm: { port: line.port } })
    await judged('attested')
    await fetch.ready()
    line.armed = true
    expect((await fetch(target, { method: 'POST', body: secret })).status).toBe(502)
    expect([line.cuts, machine.reached]).toEqual([1, []])
    line.armed = false
    await vi.waitFor(async () => expect(await visit()).toBe('served'), 8_000)
  })
})

describe('a relay that shows', () => {
  // A bundle lives for a day at most: last week's has ended, whatever its serial is.
  test.each([
    ['one rider beside the keys of the list', true, 0, 'bundle-unverified: bad-signature'],
    ['a bundle that ended hours ago to somebody new', false, 23 * hour, 'bundle-unverified: bundle-expired'],
  ])('%s: nothing is sent', async (_what, rides, later, code) => {
    const place = await street('front')
    const shown = await place.bundle()
    const list = /"keys":"([^"]+)"/.exec(shown)?.[1] ?? ''
    const more = concat(Uint8Array.fromBase64(list), serializeKeyConfigs([gatewayKey(9).config])).toBase64()
    place.shown = rides ? shown.replace(list, more) : shown
    expect(await endOf(place.client({ now: () => Date.now() + later })(target))).toBe(code)
    expect(place.posts).toEqual([])
    place.shown = undefined
    expect(await endOf(place.client()(target, { method: 'POST', body: secret }))).toBe('served')
  })
})
