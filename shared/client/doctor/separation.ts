/**
 * Whether relay and gateway look like two parties from outside: what both share, somebody else sees or holds on both
 * sides. RFC 9458 §1 and §6.2: together they know who asked what.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import { hex } from '../../bytes.ts'
import { checked, fails, Unheard, unless, unseen, type Check, type Finding, type Row } from './findings.ts'
import { handshake, type Handshake } from './handshake.ts'
import { network } from './network.ts'
import type { Scene } from './scene.ts'

const rows = {
  host: {
    name: 'separation.host',
    rule: 'relay and gateway are different hosts',
    remedy: 'run the gateway on a host of its own, by an operator of its own',
  },
  network: {
    name: 'separation.network',
    rule: 'relay and gateway share neither an address nor a network (/24 or /48)',
    remedy: 'move one of them to another provider, and put no CDN before both: it would see who asks and who is asked',
  },
  certificate: {
    name: 'separation.certificate',
    rule: 'relay and gateway share no key, certificate, organisation or private authority',
    remedy: "let each operator make its own key and get its own certificate, with an account that is nobody else's",
  },
} as const satisfies Record<string, Row>

export async function separationChecks(scene: Scene): Promise<Check[]> {
  const { gateway } = scene.options
  if (gateway === undefined) {
    const finding = unseen('give --gateway to compare the two')
    return Object.values(rows).map((row) => ({ ...row, ...finding }))
  }
  return [
    await checked(rows.host, () => hosts(scene.options.relay, gateway)),
    await checked(rows.network, () => networks(scene, gateway)),
    await checked(rows.certificate, () => certificates(scene, gateway)),
  ]
}

function hosts(relay: URL, gateway: URL): Finding {
  const same = relay.hostname === gateway.hostname
  return unless(same ? [`both are ${relay.hostname}`] : [], `${relay.hostname} and ${gateway.hostname}`)
}

async function networks(scene: Scene, gateway: URL): Promise<Finding> {
  const [ours, theirs] = [await addresses(scene, scene.options.relay), await addresses(scene, gateway)]
  const shared = ours.filter((address) => theirs.includes(address))
  const near = ours.flatMap((one) => theirs.filter((other) => network(one) === network(other)))
  const seen = `relay ${ours.join(' ')}, gateway ${theirs.join(' ')}`
  if (shared.length > 0) return fails(`one address for both: ${shared.join(' ')} (${seen})`)
  return near.length > 0 ? fails(`one network for both (${seen})`) : unless([], seen)
}

async function addresses({ options }: Scene, { hostname }: URL): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/g, '')
  const found = isIPv4(host) || isIPv6(host) ? [host] : await options.lookup(host)
  if (found.length === 0) throw new Unheard(`no address for ${host}`)
  return found
}

async function certificates(scene: Scene, gateway: URL): Promise<Finding> {
  const { relay, ca } = scene.options
  if (scene.plain || gateway.protocol === 'http:') return unseen('plaintext on this machine')
  const ours = await handshake(relay, scene, ca === undefined ? {} : { ca })
  const theirs = await handshake(gateway, scene, {}).catch(withoutAnswer)
  // Before 1.3 a server that wants a certificate of ours ends the handshake, and what it showed is gone.
  if (theirs === undefined) return unseen('the gateway ends the handshake before its certificate can be read')
  const isPublic = ours.why === undefined && ca === undefined
  return unless(sharedBy(ours.certificate, theirs.certificate, isPublic), 'nothing is the same')
}

function withoutAnswer(cause: unknown): undefined {
  if (cause instanceof Unheard && cause.code !== 'TIMEOUT' && cause.code !== 'ECONNREFUSED') return undefined
  throw cause
}

type Certificate = Handshake['certificate']

function sharedBy(ours: Certificate, theirs: Certificate, isPublic: boolean): string[] {
  const [one, other] = [new X509Certificate(ours.raw), new X509Certificate(theirs.raw)]
  const complaints: string[] = []
  if (pin(one) === pin(other)) complaints.push(`one key for both (${pin(one)})`)
  const names = namesOf(one).filter((name) => namesOf(other).includes(name))
  if (names.length > 0) complaints.push(`both certificates name ${names.join(' ')}`)
  const owner = [ours.subject.O].flat().find((name) => [theirs.subject.O].flat().includes(name))
  if (owner !== undefined && owner !== '') complaints.push(`both belong to ${owner}`)
  // A public authority serves everybody; a private one is somebody's, who can pass for either side.
  if (!isPublic && one.issuer === other.issuer) complaints.push(`one private authority for both (${line(one.issuer)})`)
  return complaints
}

function pin({ publicKey }: X509Certificate): string {
  return hex(
    createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest(),
  )
}

function namesOf({ subjectAltName }: X509Certificate): string[] {
  return (subjectAltName ?? '').split(', ').filter((name) => name !== '')
}

function line(name: string): string {
  return name.replaceAll('\n', ' ')
}
